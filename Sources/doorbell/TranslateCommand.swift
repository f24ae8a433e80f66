import ArgumentParser
import Bits
import Console
import Inspect
import SMMU

struct TranslateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "translate",
    abstract: "Translate an access through the tables of a memory image, or check many.",
    usage: """
      doorbell translate --image DIR --stream SID --iova A [<options>]
      doorbell translate --image DIR --check FILE [<options>]
      """,
    discussion: """
      DIR holds the memory of a stopped machine:

        image.elf or image.elf.gz
                   an ELF64 file; its PT_LOAD segments are physical memory,
                   at p_paddr. What no segment holds reads as zero.
        regs.json  the registers of its SMMU.

      The register file is JSON:

        {"registers": {"smmu": {"0x9050000": {"0x0": "0x0d44101b",
                                              "0x80": "0x40202000"}}},
         "ram": ["0x40000000", "0x40000000"]}

      Under registers.smmu stands one object for each SMMU, named by its base
      address, with 32-bit register values by offset. IDR0 (0x0), IDR1 (0x4), IDR5
      (0x14), STRTAB_BASE (0x80 and 0x84) and STRTAB_BASE_CFG (0x88) are needed;
      IDR3 (0xc), IIDR, AIDR, GBPA (0x44), CR1 and CR2 are used where given, and
      CR0 counts as enabled where it is missing. "ram" is base and size, or a list
      of such pairs; without it, RAM is what the segments hold. Other members are
      ignored.

      The command prints every descriptor of the walk (what it is, where it
      stands, its value, its meaning) and the result; of a fault also the event
      record, field by field. Nothing in the image changes.

      With --check it translates every row of an expectation file instead, one
      JSON object a line, plain or gzip'd:

        {"sid":"0x8","iova":"0xfff0","rw":"w","expect":"ok","pa":"0x4000fff0"}
        {"sid":"0x8","iova":"0x0","expect":"fault","event":"F_TRANSLATION"}
        {"sid":"0x8","iova":"0x0","rw":"w","expect":"fault",
         "events":[["0x...", "0x...", "0x...", "0x..."]]}
        {"sid":"0x8","iova":"0x1000","expect":"map","size":"0x1000",
         "pa":"0x4000","read":true,"write":true,"af":true,"ipa":"0x5000"}
        {"sid":"0x8","iova":"0x1000","expect":"fault-s2","ipa":"0x5000"}

      and "bypass" and "abort" without more. Without "rw" a read or a write may
      meet the row.

      EXAMPLES
        doorbell translate --image dump --stream 0x8 --iova 0xfffff040 --write
        doorbell translate --image dump --check rows.jsonl.gz --format json

      EXIT STATUS
        0 translated (also to a fault), or every row holds; 1 rows do not hold;
        2 bad input.
      """)

  @Option(
    help: ArgumentHelp("The directory of the image.", valueName: "dir"), completion: .directory)
  var image: String

  @Option(help: ArgumentHelp("StreamID of the access.", valueName: "sid"))
  var stream: String?

  @Option(help: ArgumentHelp("SubstreamID of the access.", valueName: "ssid"))
  var substream: String?

  @Option(help: ArgumentHelp("Address of the access.", valueName: "address"))
  var iova: String?

  @Flag(help: "A write; without it, a read.")
  var write = false

  @Option(
    help: ArgumentHelp("Check the rows of this file.", valueName: "file"), completion: .file())
  var check: String?

  @Option(help: ArgumentHelp("Base of the SMMU, where there are several.", valueName: "address"))
  var smmu: String?

  @Option(help: "Whose behaviour to show.")
  var personality = ProofPersonality.architecture

  @OptionGroup var result: ResultOptions<OutputFormat>

  func validate() throws {
    guard check != nil || (stream != nil && iova != nil) else {
      throw ValidationError("expected --stream and --iova, or --check")
    }
    guard check == nil || (stream == nil && iova == nil && substream == nil && !write) else {
      throw ValidationError("--check takes the accesses from its file: leave out the others")
    }
  }

  func run() throws {
    let base = try smmu.map { try parseNumber($0, of: "--smmu") }
    // A single access shows the whole walk; many are quicker with caches.
    var loaded = try MemoryImage(
      directory: image, smmu: base, personality: personality.smmu,
      caches: check == nil ? .none : .default)
    if let check {
      try self.check(check, of: &loaded)
    } else {
      let access = try Transaction(
        stream: stream ?? "", substream: substream, iova: iova ?? "", isWrite: write)
      let report = loaded.translate(access)
      try result.write(text: report.text + "\n", json: report.json)
    }
  }

  private func check(_ file: String, of image: inout MemoryImage) throws {
    let found = try Progress.during("checking rows") { progress in
      try ImageCheck(file, of: &image, exact: personality == .qemu11) { progress.show($0) }
    }
    try result.write(text: found.text + "\n", json: found.json)
    if !found.holds { throw ExitStatus.failed }
  }
}
