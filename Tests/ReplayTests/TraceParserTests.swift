import ArmFormats
import Bits
import Testing

@testable import Replay

@Suite("TraceParser")
struct TraceParserTests {
  private func parse(_ text: String) -> (LogLine<TraceEvent>, Int?) {
    var parser = TraceParser()
    let bytes = Array(text.utf8)
    let line = parser.parse(bytes.span)
    return (line, parser.time)
  }

  @Test(
    "every layout gives the same event",
    arguments: [
      "2026-11-22T13:18:35.043208Z smmuv3_translate_success smmuv3-iommu-memory-region-8-2 "
        + "sid=0x8 iova=0xffffd002 translated=0x40950002 perm=0x3 stage=1",
      "4711@1795353515.043208:smmuv3_translate_success smmuv3-iommu-memory-region-8-2 "
        + "sid=0x8 iova=0xffffd002 translated=0x40950002 perm=0x3 stage=1",
      "smmuv3_translate_success smmuv3-iommu-memory-region-8-2 "
        + "sid=0x8 iova=0xffffd002 translated=0x40950002 perm=0x3 stage=1",
      "smmuv3_translate_success 0.043 pid=4711 n=smmuv3-iommu-memory-region-8-2 sid=0x8 "
        + "iova=0xffffd002 translated=0x40950002 perm=0x3 stage=0x1",
      "smmuv3_translate_success smmuv3-iommu-memory-region-8-2 "
        + "sid=8 iova=0xffffd002 translated=0x40950002 perm=0x3 stage=1\r",
    ])
  func layouts(text: String) {
    guard case .event(.translated(let access)) = parse(text).0 else {
      Issue.record("not understood: \(text)")
      return
    }
    #expect(
      access
        == TranslatedAccess(
          stream: 8, address: 0xffff_d002, output: 0x4095_0002, permissions: 3, stage: 1))
  }

  @Test(
    "a write of configuration space names the function, in each layout",
    arguments: [
      "pci_cfg_write nvme 00:1f.7 @0x4 <- 0x406",
      "pci_cfg_write 1.250 pid=4711 dev=nvme bus=0x0 slot=0x1f func=0x7 offs=0x4 val=0x406",
    ])
  func configurationWrite(text: String) {
    guard case .event(.configurationWrite(let device, let offset, let value)) = parse(text).0
    else {
      Issue.record("not understood: \(text)")
      return
    }
    #expect((device, offset, value) == (0xff, 4, 0x406))
  }

  @Test("both times are microseconds since 1970")
  func times() {
    let text = "smmuv3_get_ste STE addr: 0x40350200"
    #expect(parse("2026-11-22T13:18:35.043208Z \(text)").1 == 1_795_353_515_043_208)
    #expect(parse("1@1795353515.043208:\(text)").1 == 1_795_353_515_043_208)
    #expect(parse("1970-01-01T00:00:01.000000Z \(text)").1 == 1_000_000)
    #expect(parse(text).1 == nil)
  }

  @Test("times of simpletrace.py add up")
  func relativeTimes() {
    var list = EventList()
    let lines = [10, 20, 30].map { "smmuv3_get_ste \($0).125 pid=1 addr=0x40350200" }
    _ = read(Array(lines.joined(separator: "\n").utf8), into: &list)
    #expect(list.times == [10, 30, 60])
  }

  @Test("a failed translation is read from QEMU's own message")
  func failure() {
    let text =
      "smmuv3-iommu-memory-region-16-3 translation failed for iova=0x10020040 "
      + "(SMMU_EVT_F_PERMISSION)"
    guard case .event(.failed(let kind, let address)) = parse(text).0 else {
      Issue.record("not understood")
      return
    }
    #expect(kind == .permission)
    #expect(address == 0x1002_0040)
  }

  @Test("a longer name of a command is not taken for a shorter one")
  func commandNames() {
    guard
      case .event(.command(let opcode)) =
        parse("smmuv3_cmdq_opcode <--- SMMU_CMD_TLBI_NH_VAA").0
    else {
      Issue.record("not understood")
      return
    }
    #expect(opcode == .tlbiNHVAA)
  }

  @Test("an ITS command is put together again")
  func itsCommand() {
    let text =
      "gicv3_its_cmd_mapti GICv3 ITS: command MAPTI DeviceID 0x8 EventID 0x2 ICID 0x1 pINTID 0x2002"
    guard case .event(.itsCommand(let command)) = parse(text).0 else {
      Issue.record("not understood")
      return
    }
    #expect(command[.opcode] == .mapti)
    #expect(command[.deviceID] == 8)
    #expect(command[.eventID] == 2)
    #expect(command[.collectionID] == 1)
    #expect(command[.physicalINTID] == 0x2002)
  }

  @Test("before QEMU 8.1 no line has a stage or a VMID: stage 1, VMID 0")
  func withoutStage() {
    guard
      case .event(.translated(let access)) =
        parse("smmuv3_translate_success r sid=0x10 iova=0xfffff040 translated=0x8090040 perm=0x3").0,
      case .event(.descriptor(let fetch)) =
        parse(
          "smmu_ptw_level level=1 iova=0xfffff000 subpage_sz=0x40000000 baseaddr=0x48112000 "
            + "offset=3 => pte=0x4380b003"
        ).0,
      case .event(.invalidateRange(let range)) =
        parse(
          "smmuv3_s1_range_inval vmid=0 asid=1 addr=0xffefc000 tg=1 num_pages=0x2 ttl=3 leaf=1"
        ).0,
      case .event(.invalidateASID(1, vmid: 0)) =
        parse("smmu_iotlb_inv_asid IOTLB invalidate asid=1").0,
      case .event(.invalidateMachine(vmid: 0)) = parse("smmuv3_cmdq_tlbi_nh ").0,
      case .event(.cacheInsert(1, vmid: 0, 0xffff_f000)) =
        parse("smmu_iotlb_insert IOTLB ++ asid=1 addr=0xfffff000 tg=1 level=3").0,
      case .event(.cacheHit(1, vmid: 0, 0xffff_f000)) =
        parse(
          "smmu_iotlb_lookup_hit IOTLB cache HIT asid=1 addr=0xfffff000 hit=1 miss=1 hit rate=50"
        )
        .0
    else {
      Issue.record("not understood")
      return
    }
    #expect(access.stage == 1 && access.output == 0x809_0040)
    #expect(fetch.stage == 1 && fetch.level == 1 && fetch.index == 3 && fetch.value == 0x4380_b003)
    #expect(range.stage == 1 && range.pages == 2 && range.isLeaf)
  }

  @Test("where walks have a stage and translations have none, theirs is that of the last walk")
  func stageOfWalk() {
    var parser = TraceParser()
    let walk = Array(
      ("smmu_ptw_level stage=2 level=3 iova=0x1000 subpage_sz=0x1000 baseaddr=0x4000 offset=1 "
        + "=> pte=0x5003").utf8)
    _ = parser.parse(walk.span)
    let result = Array(
      "smmuv3_translate_success r sid=0x10 iova=0x1000 translated=0x5000 perm=0x3".utf8)
    guard case .event(.translated(let access)) = parser.parse(result.span) else {
      Issue.record("not understood")
      return
    }
    #expect(access.stage == 2)
  }

  @Test("minus one is every ASID")
  func signed() {
    let text = "smmu_iotlb_lookup_hit IOTLB cache HIT asid=-1 vmid=1 addr=0x40112000"
    guard case .event(.cacheHit(let asid, let vmid, _)) = parse(text).0 else {
      Issue.record("not understood")
      return
    }
    #expect(asid == ~0)
    #expect(vmid == 1)
  }

  @Test(
    "a damaged line is counted and nothing more",
    arguments: [
      "smmuv3_translate_success region sid=0x8 iova=0xffffd0",
      "smmuv3_get_ste STE addr: 0x", "smmuv3_get_ste STE addr: 0x40zz",
      "smmuv3_get_ste STE addr: 0x11112222333344445", "smmuv3_cmdq_opcode <--- SMMU_CMD_NEW",
      "smmuv3_propagate_event SMMU_EVT_ sid=0x8",
    ])
  func damaged(text: String) {
    guard case .garbled = parse(text).0 else {
      Issue.record("taken for \(parse(text).0)")
      return
    }
  }

  @Test(
    "what is no trace event is told apart from events that are not interpreted",
    arguments: [
      ("", false), ("hello", false), ("Invalid read at addr 0x0", false), ("12@3", false),
      ("virtio_notify vdev 0x55 vq 0x56", true), ("2026-11-22T13:18", false),
      ("smmu_ptw_page_pte stage=1", true),
    ])
  func others(text: String, isEvent: Bool) {
    switch parse(text).0 {
    case .other: #expect(isEvent)
    case .unreadable: #expect(!isEvent)
    default: Issue.record("understood: \(text)")
    }
  }
}
