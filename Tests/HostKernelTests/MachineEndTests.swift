import ArmFormats
import Bits
import HostKernel
import Linux
import Software
import Testing

@Suite("The end of a VM")
struct MachineEndTests {
  @Test(
    "a host that allows unsafe interrupts does so for the next VM, too", arguments: [true, false])
  func unsafeInterrupts(isAllowed: Bool) throws {
    var kernel = try HostKernel(
      kernel: Kernel(7, 3),
      platforms: [
        .init(
          smmuBase: 0x905_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000, cpus: 2,
          msixTable: 0x80_0000_2000, msixCapability: 0x70, streamID: 0x10, deviceID: 0x10,
          vectors: 4)
      ],
      stageTwoDoorbell: .softwareWindow, eventIDOwner: .host,
      messageFrame: GICv2mDriver(
        agent: .host, base: 0x802_0000, distributor: 0x800_0000, spis: 80..<144),
      allowsUnsafeInterrupts: isAllowed,
      frames: BumpFrames(base: 0x1_4000_0000, size: 0x1000_0000),
      stageTwoFrames: PlacedFrames([:], rest: BumpFrames(base: 0x1_6000_0000, size: 0x1000_0000)),
      streamTable: nil)
    _ = try kernel.boot()
    let ram = HostCall.RAMExtent(ipa: 0x4000_0000, pa: 0x1_0000_0000, size: 0x1000_0000)
    for _ in 1...2 {
      do {
        _ = try kernel.handle(.createStageTwo([ram]), for: .first)
        #expect(isAllowed)
      } catch {
        #expect(!isAllowed)
        #expect(error.errno == "EPERM")
      }
      _ = kernel.endMachine(.first)
    }
  }
}
