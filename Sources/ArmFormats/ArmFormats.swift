// ArmFormats
