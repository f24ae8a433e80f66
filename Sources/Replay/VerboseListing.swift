/// MSI and MSI-X capabilities of functions as `lspci -vv` lists them:
///
///     00:01.0 SCSI storage controller: Red Hat, Inc. ...
///             Capabilities: [98] MSI-X: Enable+ Count=5 Masked-
///                     Vector table: BAR=1 offset=00000000
///                     PBA: BAR=1 offset=00000800
///             Capabilities: [40] MSI: Enable+ Count=1/1 Maskable- 64bit+
///                     Address: 0000000008000040  Data: 0000
///             Kernel driver in use: vfio-pci
struct VerboseListing {
  private(set) var rows = 0
  private var current: UInt32?
  private var devices: [UInt32: GuestFacts.Device] = [:]
  /// Whether the MSI capability read last is on.
  private var isMessageOn = false

  /// Takes one line; `false` when it says nothing of interest.
  mutating func take(_ line: Substring) -> Bool {
    let words = line.split(whereSeparator: { " \t\r".contains($0) })
    guard let first = words.first else { return false }
    if line.first != " ", line.first != "\t" {
      guard let id = UInt32(shortFunction: first) else { return false }
      current = id
      devices[id] = devices[id] ?? .init()
      isMessageOn = false
      return true
    }
    guard let current else { return false }
    if first == "Control:" {
      if words.contains("BusMaster+") { devices[current]?.isBusMaster = true }
      if words.contains("BusMaster-") { devices[current]?.isBusMaster = false }
    } else if words.contains("MSI-X:"),
      let count = Self.value("Count=", words).flatMap({ Int($0) }),
      (1...2048).contains(count)
    {
      devices[current]?.table = GuestFacts.Table(
        entries: count, bar: 0, offset: 0, pending: 0, isEnabled: words.contains("Enable+"))
    } else if words.contains("MSI:") {
      isMessageOn = words.contains("Enable+")
    } else if line.contains("Vector table:") || first == "PBA:" {
      place(first == "PBA:", words, of: current)
    } else if first == "Address:", words.count >= 4, words[2] == "Data:", isMessageOn,
      let address = UInt64(words[1], radix: 16), let data = UInt64(words[3], radix: 16)
    {
      devices[current]?.vectors.append(
        .init(index: 0, address: address, data: data, isMasked: false))
    } else if line.contains("Kernel driver in use:"), let driver = words.last {
      devices[current]?.driver = String(driver)
    } else {
      return false
    }
    rows += 1
    return true
  }

  private mutating func place(_ isPending: Bool, _ words: [Substring], of id: UInt32) {
    guard let offset = Self.value("offset=", words).flatMap({ UInt64($0, radix: 16) }) else {
      return
    }
    if isPending {
      devices[id]?.table?.pending = offset
    } else {
      devices[id]?.table?.offset = offset
      devices[id]?.table?.bar = Self.value("BAR=", words).flatMap { Int($0) } ?? 0
    }
  }

  private static func value(_ name: String, _ words: [Substring]) -> Substring? {
    words.first { $0.hasPrefix(name) }?.dropFirst(name.count)
  }

  /// Adds what was said to the facts, where nothing better is known.
  func add(to facts: inout GuestFacts) {
    for (id, device) in devices {
      var known = facts.devices[id] ?? .init()
      known.table = known.table ?? device.table
      if known.vectors.isEmpty { known.vectors = device.vectors }
      known.isBusMaster = known.isBusMaster ?? device.isBusMaster
      if known.driver.isEmpty { known.driver = device.driver }
      facts.devices[id] = known
    }
  }
}
