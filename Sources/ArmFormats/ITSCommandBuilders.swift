public import Bits

// The commands as a driver writes them. Out-of-range arguments are cut to their fields, as a
// driver's shift and mask would.
extension ITSCommand {
  @inlinable
  static func make(_ opcode: ITSOpcode, device: UInt32 = 0, event: UInt32 = 0) -> ITSCommand {
    ITSCommand(
      UInt64(opcode.rawValue) | UInt64(device) &<< 32, UInt64(event), 0, 0)
  }

  /// Maps a device to its interrupt translation table, or unmaps it.
  ///
  /// - Parameters:
  ///   - eventBits: 1 to 32; the table holds 2^`eventBits` entries.
  ///   - table: 256-byte aligned.
  public static func mapd(
    device: UInt32, eventBits: UInt8, table: PA, valid: Bool = true
  ) -> ITSCommand {
    var command = make(.mapd, device: device)
    command[.size] = eventBits &- 1
    command[.tableAddress] = table.rawValue &>> 8
    command[.valid] = valid
    return command
  }

  /// Maps a collection to a redistributor, or unmaps it.
  public static func mapc(collection: UInt16, target: UInt64, valid: Bool = true) -> ITSCommand {
    var command = make(.mapc)
    command[.collectionID] = collection
    command[.target] = target
    command[.valid] = valid
    return command
  }

  /// Maps an event to an LPI and a collection.
  public static func mapti(
    device: UInt32, event: UInt32, lpi: UInt32, collection: UInt16
  ) -> ITSCommand {
    var command = make(.mapti, device: device, event: event)
    command[.physicalINTID] = lpi
    command[.collectionID] = collection
    return command
  }

  /// Maps an event to the LPI of the same number and a collection.
  public static func mapi(device: UInt32, event: UInt32, collection: UInt16) -> ITSCommand {
    var command = make(.mapi, device: device, event: event)
    command[.collectionID] = collection
    return command
  }

  /// Moves an event, and its pending state, to another collection.
  public static func movi(device: UInt32, event: UInt32, collection: UInt16) -> ITSCommand {
    var command = make(.movi, device: device, event: event)
    command[.collectionID] = collection
    return command
  }

  /// Moves the pending LPIs of one redistributor to another.
  public static func movall(from source: UInt64, to destination: UInt64) -> ITSCommand {
    var command = make(.movall)
    command[.target] = source
    command[.secondTarget] = destination
    return command
  }

  /// Makes the event's interrupt pending, as a message would.
  public static func int(device: UInt32, event: UInt32) -> ITSCommand {
    make(.int, device: device, event: event)
  }

  /// Clears the pending state of the event's interrupt.
  public static func clear(device: UInt32, event: UInt32) -> ITSCommand {
    make(.clear, device: device, event: event)
  }

  /// Unmaps an event and clears the pending state of its interrupt.
  public static func discard(device: UInt32, event: UInt32) -> ITSCommand {
    make(.discard, device: device, event: event)
  }

  /// Makes a redistributor read the event's interrupt configuration again.
  public static func inv(device: UInt32, event: UInt32) -> ITSCommand {
    make(.inv, device: device, event: event)
  }

  /// Makes the collection's redistributor read every configuration again.
  public static func invall(collection: UInt16) -> ITSCommand {
    var command = make(.invall)
    command[.collectionID] = collection
    return command
  }

  /// Waits until the effects on a redistributor of earlier commands are visible.
  public static func sync(target: UInt64) -> ITSCommand {
    var command = make(.sync)
    command[.target] = target
    return command
  }

  /// Maps a virtual PE to its pending table and redistributor, or unmaps it.
  ///
  /// - Parameters:
  ///   - tableBits: number of vINTID bits of the pending table, 14 to 32.
  ///   - defaultDoorbell: v4.1 only; 1023 for none.
  ///   - configuration: v4.1 only: the virtual configuration table, 64 KiB aligned.
  public static func vmapp(
    virtualPE: UInt16, target: UInt64, table: PA, tableBits: UInt8, valid: Bool = true,
    defaultDoorbell: UInt32 = 0, configuration: PA = 0, allocate: Bool = false
  ) -> ITSCommand {
    var command = make(.vmapp)
    command[.virtualPE] = virtualPE
    command[.target] = target
    command[.virtualTableAddress] = table.rawValue &>> 16
    command[.virtualTableSize] = tableBits &- 1
    command[.defaultDoorbell] = defaultDoorbell
    command[.virtualConfigAddress] = configuration.rawValue &>> 16
    command[.allocate] = allocate
    command[.valid] = valid
    return command
  }

  /// Maps an event to a virtual LPI of a virtual PE.
  public static func vmapti(
    device: UInt32, event: UInt32, virtualPE: UInt16, virtualLPI: UInt32, doorbell: UInt32
  ) -> ITSCommand {
    var command = make(.vmapti, device: device, event: event)
    command[.virtualPE] = virtualPE
    command[.virtualINTID] = virtualLPI
    command[.doorbell] = doorbell
    return command
  }

  /// Maps an event to the virtual LPI of the same number of a virtual PE.
  public static func vmapi(
    device: UInt32, event: UInt32, virtualPE: UInt16, doorbell: UInt32
  ) -> ITSCommand {
    var command = make(.vmapi, device: device, event: event)
    command[.virtualPE] = virtualPE
    command[.doorbell] = doorbell
    return command
  }

  /// Moves an event, and its pending state, to another virtual PE.
  public static func vmovi(
    device: UInt32, event: UInt32, virtualPE: UInt16, doorbell: UInt32?
  ) -> ITSCommand {
    var command = make(.vmovi, device: device, event: event)
    command[.virtualPE] = virtualPE
    command[.doorbellValid] = doorbell != nil
    command[.doorbell] = doorbell ?? 0
    return command
  }

  /// Moves a virtual PE to another redistributor.
  public static func vmovp(
    virtualPE: UInt16, target: UInt64, sequence: UInt16 = 0, itsList: UInt16 = 0,
    defaultDoorbell: UInt32? = nil
  ) -> ITSCommand {
    var command = make(.vmovp)
    command[.virtualPE] = virtualPE
    command[.target] = target
    command[.sequence] = sequence
    command[.itsList] = itsList
    command[.defaultDoorbellValid] = defaultDoorbell != nil
    command[.movedDefaultDoorbell] = defaultDoorbell ?? 0
    return command
  }

  /// Waits until the effects on a virtual PE of earlier commands are visible.
  public static func vsync(virtualPE: UInt16) -> ITSCommand {
    var command = make(.vsync)
    command[.virtualPE] = virtualPE
    return command
  }

  /// Makes a virtual PE's redistributor read every virtual configuration again.
  public static func vinvall(virtualPE: UInt16) -> ITSCommand {
    var command = make(.vinvall)
    command[.virtualPE] = virtualPE
    return command
  }

  /// Makes the redistributor read the configuration of a default doorbell again (v4.1).
  public static func invdb(virtualPE: UInt16) -> ITSCommand {
    var command = make(.invdb)
    command[.virtualPE] = virtualPE
    return command
  }

  /// Configures a virtual SGI, or clears its pending state (v4.1).
  ///
  /// - Parameters:
  ///   - sgi: 0 to 15.
  ///   - priority: bits [7:4] count.
  public static func vsgi(
    virtualPE: UInt16, sgi: UInt8, priority: UInt8 = 0, enable: Bool = false,
    group: Bool = true, clear: Bool = false
  ) -> ITSCommand {
    var command = make(.vsgi)
    command[.virtualPE] = virtualPE
    command[.sgiINTID] = sgi
    command[.sgiPriority] = priority &>> 4
    command[.sgiEnable] = enable
    command[.sgiGroup] = group
    command[.sgiClear] = clear
    return command
  }
}
