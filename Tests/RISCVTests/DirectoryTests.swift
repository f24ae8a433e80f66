import ArmFormats
import Bits
import RISCVFormats
import Testing

@testable import RISCV

@Suite("Device and process directories")
struct DirectoryTests {
  @Test("RV-01: Off refuses everything with cause 256; Bare passes untranslated requests alone")
  func offAndBare() throws {
    let off = try Machine(mode: .off)
    #expect(off.cause(3, 0x1234) == 256)
    #expect(off.causes() == [256])
    let bare = try Machine(mode: .bare)
    #expect(bare.output(3, 0xff12_3456_789a_bcde) == 0xff12_3456_789a_bcde)
    var request = DeviceRequest(device: 3, address: 0x1000, access: .read)
    for kind in [DeviceRequest.Kind.translated, .translation] {
      request.kind = kind
      guard case .refused(let fault) = bare.iommu.translate(request, in: bare.memory) else {
        Issue.record("\(kind) passed")
        continue
      }
      #expect(fault.cause.rawValue == 260)
    }
  }

  @Test(
    "RV-02: a device_id wider than the levels is cause 260, and the widest that fits is not",
    arguments: [
      (DirectoryMode.oneLevel, true, 0x3f), (.oneLevel, false, 0x7f), (.twoLevels, true, 0x7fff),
      (.twoLevels, false, 0xffff), (.threeLevels, true, 0xff_ffff),
      (.threeLevels, false, 0xff_ffff),
    ] as [(DirectoryMode, Bool, UInt32)])
  func width(mode: DirectoryMode, isExtended: Bool, widest: UInt32) throws {
    var profile = RISCVIOMMUProfile.full
    profile.capabilities[.messageTables] = isExtended
    let machine = try Machine(profile, mode: mode)
    machine.set(.bare, for: UInt64(widest))
    #expect(machine.output(widest, 0x5000) == 0x5000)
    #expect(machine.cause(widest + 1, 0x5000) == 260)
    if mode == .twoLevels { #expect(machine.cause(0x80_0000, 0x5000) == 260) }
    #expect(machine.cause(0xffff_ffff, 0x5000) == 260)
  }

  @Test("RV-03: a directory entry is invalid, reserved, absent or corrupt: 258, 259, 257, 268")
  func directoryEntries() throws {
    let machine = try Machine(caches: .none)
    machine.set(.bare, for: 0x12345)
    let entry = Machine.directory + 8 * (0x12345 >> 15)
    let good = machine.load(entry)
    #expect(machine.output(0x12345, 0) == 0)
    machine.store(entry, good & ~1)
    #expect(machine.cause(0x12345, 0) == 258)
    for bit in Array(1...9) + Array(54...63) as [UInt64] {
      machine.store(entry, good | 1 << bit)
      #expect(machine.cause(0x12345, 0) == 259, "bit \(bit)")
    }
    machine.store(entry, 0xff_ffff_f400 | 1)
    #expect(machine.cause(0x12345, 0) == 257)
    machine.store(entry, good)
    machine.iommu.corruptPages = [Machine.directory]
    #expect(machine.cause(0x12345, 0) == 268)
    #expect(Set(machine.causes()) == [257, 258, 259, 268])
  }

  @Test("RV-04: a context is 258 without V, and 259 with each reserved bit in turn")
  func contextBits() throws {
    let machine = try Machine(caches: .none)
    machine.set(DeviceContext(), for: 5)
    #expect(machine.cause(5, 0) == 258)
    let reserved: [(word: Int, bits: ClosedRange<UInt64>)] = [
      (0, 12...23), (0, 32...63), (2, 0...11), (2, 32...39), (2, 40...63), (3, 44...59),
      (4, 44...59), (5, 52...63), (6, 52...63), (7, 0...63), (5, 47...51), (6, 47...51),
    ]
    for (word, bits) in reserved {
      for bit in bits {
        var context = DeviceContext.bare
        context[word: word] |= 1 << bit
        machine.set(context, for: 5)
        #expect(machine.cause(5, 0) == 259, "word \(word) bit \(bit)")
      }
    }
    // tc.custom is for the implementation.
    var custom = DeviceContext.bare
    custom[word: 0] |= 0xff << 24
    machine.set(custom, for: 5)
    #expect(machine.output(5, 0) == 0)
  }

  @Test("each configuration check of 2.1.4 is cause 259")
  func contextChecks() throws {
    var plain = RISCVIOMMUProfile.full
    for field: BitField<IOMMUCapabilities, Bool> in [
      .ats, .hardwareUpdates, .pd20, .sv57, .sv57x4, .guestAddressReplies, .bothEndians,
    ] {
      plain.capabilities[field] = false
    }
    let root: UInt64 = 0x20_0000
    func context(_ change: (inout DeviceContext) -> Void) -> DeviceContext {
      var context = DeviceContext.bare
      change(&context)
      return context
    }
    let wrong: [(String, RISCVIOMMUProfile, DeviceContext)] = [
      ("EN_ATS without ATS", plain, context { $0[.enablesATS] = true }),
      ("T2GPA without EN_ATS", .full, context { $0[.returnsGuestAddress] = true }),
      ("EN_PRI without EN_ATS", .full, context { $0[.enablesPRI] = true }),
      (
        "PRPR without EN_PRI", .full,
        context {
          $0[.enablesATS] = true
          $0[.responseNeedsPASID] = true
        }
      ),
      (
        "T2GPA with a bare second stage", .full,
        context {
          $0[.enablesATS] = true
          $0[.returnsGuestAddress] = true
        }
      ),
      (
        "PD20 that is not supported", plain,
        context {
          $0[.hasProcessDirectory] = true
          $0[word: 3] = 3 << 60
        }
      ),
      (
        "reserved pdtp mode", .full,
        context {
          $0[.hasProcessDirectory] = true
          $0[word: 3] = 4 << 60
        }
      ),
      ("reserved iosatp mode", .full, context { $0[word: 3] = 7 << 60 }),
      ("Sv57 that is not supported", plain, .firstStage(.sv57, root)),
      ("DPE without PDTV", .full, context { $0[.defaultsProcess] = true }),
      ("reserved iohgatp mode", .full, context { $0[word: 1] = 1 << 60 }),
      ("Sv57x4 that is not supported", plain, DeviceContext.bare.with(.sv57x4, root)),
      ("a second-stage root that is not aligned", .full, .bare.with(.sv39x4, root + 0x1000)),
      (
        "reserved msiptp mode", .full,
        context {
          $0 = $0.with(.sv39x4, root)
          $0[word: 4] = 2 << 60
        }
      ),
      (
        "an MSI table with a bare second stage", .full,
        .bare.with(messageTable: root, mask: 0, pattern: 0)
      ),
      ("SADE without AMO_HWAD", plain, context { $0[.updatesFirstStage] = true }),
      ("GADE without AMO_HWAD", plain, context { $0[.updatesSecondStage] = true }),
      ("SBE without END", plain, context { $0[.firstStageBigEndian] = true }),
      ("SXL with GXL fixed to 0", .full, context { $0[.firstStage32] = true }),
    ]
    for (name, profile, context) in wrong {
      let machine = try Machine(profile)
      machine.set(context, for: 5)
      #expect(machine.cause(5, 0) == 259, "\(name)")
    }
  }

  @Test("a context in the other byte order is read with fctl.BE, and faults are written in it")
  func bigEndian() throws {
    let machine = try Machine(mode: .off)
    machine.write(IOMMURegister.cqcsr, 0)
    machine.write(IOMMURegister.fqcsr, 0)
    machine.write(IOMMURegister.pqcsr, 0)
    machine.write(IOMMURegister.fctl, 1)
    #expect(machine.read(IOMMURegister.fctl) == 1)
    machine.write(IOMMURegister.fqcsr, 1)
    machine.write(IOMMURegister.ddtp, (Machine.directory >> 12) << 10 | 2, width: 8)
    var context = DeviceContext.bare
    context[.firstStageBigEndian] = true
    for index in 0..<8 {
      machine.store(
        Machine.directory + 64 * 3 + 8 * UInt64(index), context[word: index].byteSwapped)
    }
    #expect(machine.output(3, 0x77) == 0x77)
    #expect(machine.cause(4, 0x77) == 258)
    #expect(machine.load(Machine.faultQueue).byteSwapped == 4 << 40 | 2 << 34 | 258)
    #expect(machine.load(Machine.faultQueue + 16).byteSwapped == 0x77)
  }

  @Test(
    "process directories of one to three levels give each process its first stage",
    arguments: [(ProcessDirectoryMode.pd8, 0xff), (.pd17, 0x1_ffff), (.pd20, 0xf_ffff)]
      as [(ProcessDirectoryMode, UInt32)])
  func processes(mode: ProcessDirectoryMode, widest: UInt32) throws {
    let machine = try Machine()
    let directory = machine.allocate()
    var context = DeviceContext.bare
    context[.hasProcessDirectory] = true
    context[word: 3] = directory >> 12 | UInt64(mode.rawValue) << 60
    machine.set(context, for: 9)
    let root = machine.allocate()
    machine.map(0x1000, to: 0x5_5000, root: root, levels: 3)
    var table = directory
    for level in (1..<UInt64(max(1, mode.rawValue))).reversed() {
      let entry = table + 8 * (UInt64(widest) >> (8 + 9 * (level - 1)) & 0x1ff)
      table = machine.allocate()
      machine.store(entry, (table >> 12) << 10 | 1)
    }
    let place = table + 16 * UInt64(widest & 0xff)
    machine.store(place, 1)
    machine.store(place + 8, root >> 12 | 8 << 60)
    guard case .translated(let page) = machine.request(9, 0x1234, process: widest) else {
      Issue.record("refused: \(machine.causes())")
      return
    }
    #expect(page.address.rawValue == 0x5_5234)
    if widest < 0xf_ffff { #expect(machine.cause(9, 0x1234, process: widest + 1) == 260) }
    #expect(machine.cause(9, 0x1234, process: widest, privileged: true) == 260)
    #expect(machine.output(9, 0x1234) == 0x1234, "without a process_id the first stage is Bare")
    machine.store(place, 3)
    machine.submit([invalidateProcess(9, widest)])
    #expect(machine.cause(9, 0x1234, process: widest, privileged: true) == 13, "U=1, SUM=0")
    machine.store(place, 7)
    machine.submit([invalidateProcess(9, widest)])
    #expect(machine.cause(9, 0x1234, process: widest, privileged: true) == nil, "SUM=1")
    #expect(machine.cause(9, 0x1234, .execute, process: widest, privileged: true) == 12)
    machine.store(place, 0)
    machine.submit([invalidateProcess(9, widest)])
    #expect(machine.cause(9, 0x1234, process: widest) == 266)
    for bit in Array(3...11) + Array(32...63) as [UInt64] {
      machine.store(place, 1 | 1 << bit)
      #expect(machine.cause(9, 0x1234, process: widest) == 267, "bit \(bit)")
    }
  }

  private func invalidateProcess(_ device: UInt32, _ process: UInt32) -> IOMMUCommand {
    var command = IOMMUCommand.make(.iodir, 1)
    command[.deviceValid] = true
    command[.device] = device
    command[.process] = process
    return command
  }

  @Test("a request with a process_id needs a process directory; DPE gives the others process 0")
  func processRules() throws {
    let machine = try Machine()
    machine.set(.bare, for: 1)
    #expect(machine.cause(1, 0, process: 0) == 260)
    let directory = machine.allocate()
    var context = DeviceContext.bare
    context[.hasProcessDirectory] = true
    context[.defaultsProcess] = true
    context[word: 3] = directory >> 12 | 1 << 60
    machine.set(context, for: 2)
    #expect(machine.cause(2, 0) == 266, "process 0 has no context")
    let record = machine.faults().last
    #expect(record?[.processValid] == false, "the request had no process_id")
  }
}
