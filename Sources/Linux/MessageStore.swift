/// Store in which a device keeps the messages that it sends.
public enum MessageStore: String, Choice {
  case msiX = "msi-x"
  case msi
  case device = "internal"

  public var meaning: String {
    switch self {
    case .msiX: "In an MSI-X table behind a BAR."
    case .msi: "In the MSI capability: one address, data that differ in their low bits."
    case .device: "Inside the device (IMS, SIOV R2): there is nothing to trap."
    }
  }
}
