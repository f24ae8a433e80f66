internal import ArmFormats
internal import Bits

// Plain MSI (PCI Express base specification, 7.7.1).
extension PCIFunction {
  var msiControl: MSIControl {
    MSIControl(rawValue: UInt64(space.read(msiCapability + 2, width: 2)))
  }

  private func dataRegister(_ msi: PCIFunctionProfile.MSI) -> Int {
    msiCapability + (msi.hasWideAddress ? 12 : 8)
  }

  private func maskRegister(_ msi: PCIFunctionProfile.MSI) -> Int { dataRegister(msi) + 4 }
  func pendingRegister(_ msi: PCIFunctionProfile.MSI) -> Int { dataRegister(msi) + 8 }

  func dispositionOfMSI(_ vector: Int) -> Signal {
    guard let msi = profile.msi, msiControl[.enable], vector >= 0, vector < 32 else {
      return .dropped
    }
    // Software may grant fewer vectors than the function asked for.
    let granted = min(msiControl[.enabledCount], msi.logVectors)
    guard vector < 1 << Int(granted) else { return .dropped }
    if isMaskedMSI(vector, msi) { return .pending }
    guard masters else { return .dropped }
    return .sent(messageMSI(vector, msi, granted: granted))
  }

  private func isMaskedMSI(_ vector: Int, _ msi: PCIFunctionProfile.MSI) -> Bool {
    msi.hasVectorMasking
      && space.read(maskRegister(msi), width: 4) & (1 << UInt32(vector)) != 0
  }

  private func messageMSI(
    _ vector: Int, _ msi: PCIFunctionProfile.MSI, granted: UInt8
  ) -> MSI {
    let low = UInt64(space.read(msiCapability + 4, width: 4))
    let high = msi.hasWideAddress ? UInt64(space.read(msiCapability + 8, width: 4)) : 0
    let data = space.read(dataRegister(msi), width: 2)
    // The function replaces the low bits of the data by the number of the vector.
    let kept = data & ~UInt32(lowBits(UInt64(granted)))
    return MSI(address: .init(low | high << 32), data: kept | UInt32(vector))
  }

  mutating func takeUnmaskedMSI() -> [Emission] {
    guard pendingMSI != 0, let msi = profile.msi, msiControl[.enable] else { return [] }
    let granted = min(msiControl[.enabledCount], msi.logVectors)
    var messages: [Emission] = []
    for vector in 0..<(1 << Int(granted))
    where pendingMSI & (1 << UInt32(vector)) != 0 && !isMaskedMSI(vector, msi) {
      pendingMSI &= ~(1 << UInt32(vector))
      let message = messageMSI(vector, msi, granted: granted)
      messages.append(Emission(vector: vector, message: message))
    }
    return messages
  }
}
