import ArmFormats
import Bits
import Memory
import SMMUFixtures
import Testing

@testable import SMMU

@Suite("ATS")
struct ATSTests {
  func nested(_ mode: ATSMode) throws -> (Machine, Stream) {
    let machine = try Machine()
    var stream = Stream(machine, .nested)
    stream.low.map(0x5000, to: 0x7_0000_5000, stage1Leaf)
    stream.low.map(0x6000, to: 0x7_0000_5000, stage1Leaf | 1 << 7)
    stream.stage2.map(0x7_0000_5000, to: 0x4200_0000, stage2Leaf)
    stream.entry[.ats] = mode
    stream.install()
    return (machine, stream)
  }

  @Test("a request is answered with the PA, or the IPA in split-stage mode")
  func requests() throws {
    for (mode, expected) in [(ATSMode.full, PA(0x4200_0000)), (.split, PA(0x7_0000_5000))] {
      let (machine, _) = try nested(mode)
      let result = machine.access(0x5000, write: true, kind: .translationRequest)
      guard case .translated(let page) = result else {
        Issue.record("\(result)")
        continue
      }
      #expect(page.address == expected)
      #expect(page.permissions.isSuperset(of: [.unprivilegedWrite, .stage2Write]))
    }
  }

  @Test("a request to write is granted a read where that is all; a fault grants nothing")
  func lesserGrants() throws {
    let (machine, _) = try nested(.full)
    guard
      case .translated(let page) = machine.access(0x6000, write: true, kind: .translationRequest)
    else {
      Issue.record("refused")
      return
    }
    #expect(!page.permissions.contains(.unprivilegedWrite))
    #expect(page.permissions.contains(.unprivilegedRead))
    guard case .translated(let none) = machine.access(0x8000, kind: .translationRequest) else {
      Issue.record("refused")
      return
    }
    #expect(none.permissions == [])
    #expect(machine.events().isEmpty)
  }

  @Test("EATS off refuses requests and translated traffic, each with its event (3.9.1)")
  func disabled() throws {
    let (machine, stream) = try nested(.disabled)
    #expect(machine.access(0x5000, kind: .translationRequest) == .refused(unsupported: true))
    _ = machine.access(0x4200_0000, kind: .translated)
    #expect(
      machine.events().map { $0[.kind] } == [.badTranslationRequest, .translationForbidden])
    var broken = stream
    broken.entry[.valid] = false
    broken.install()
    #expect(machine.access(0x5000, kind: .translationRequest) == .refused(unsupported: false))
    #expect(machine.access(0x4200_0000, kind: .translated) == .aborted)
    #expect(machine.events().isEmpty)
  }

  @Test("translated traffic passes in full mode; in split mode stage 2 still holds it")
  func translated() throws {
    let (full, _) = try nested(.full)
    #expect(full.access(0x4300_0000, kind: .translated) == .bypassed(0x4300_0000))
    let (split, _) = try nested(.split)
    guard case .translated(let page) = split.access(0x7_0000_5000, kind: .translated) else {
      Issue.record("not translated")
      return
    }
    #expect(page.address == 0x4200_0000)
    _ = split.access(0x4300_0000, kind: .translated)
    #expect(
      split.events().map(\.words) == [[0x1_0000_0010, 0x0288_0000_0000, 0x4300_0000, 0x4300_0000]])
  }

  @Test("without ATSCHK any device reaches any PA by calling it translated")
  func unchecked() throws {
    let (machine, _) = try nested(.disabled)
    machine.write(SMMURegister.cr0, 0xf)
    #expect(machine.access(0x4300_0000, stream: 200, kind: .translated) == .bypassed(0x4300_0000))
    #expect(machine.access(1 << 50, stream: 200, kind: .translated) == .aborted)
  }

  @Test("CMD_ATC_INV reaches the device with its aligned span")
  func invalidation() throws {
    let machine = try Machine()
    var command = SMMUCommand(.invalidateDevice)
    command[.stream] = 8
    command[.size] = 3
    command[.page] = 0x12345
    machine.send(command)
    #expect(
      machine.smmu.nextDeviceMessage()
        == .invalidate(
          streamID: 8, substreamID: nil, isGlobal: false, address: 0x1234_0000, sizeShift: 15))
  }
}
