import ArgumentParser
import Console
import Files
import Foundation
import Inspect

struct DecodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Print every field of a record, or of the events in a kernel log.",
    usage: """
      doorbell decode KIND WORD... [<options>]
      doorbell decode < kernel-log
      """,
    discussion: """
      KIND is one of:

        event         SMMUv3 event record (4 words)
        ste           stream table entry (8 words)
        cd            context descriptor (8 words)
        l1std, l1cd   first-level descriptors of stream and CD tables (1 word)
        command       SMMUv3 command (2 words)
        descriptor    translation table descriptor (1 word); see --stage,
                      --level and --granule
        its-command   ITS command (4 words)
        dte, ite      ITS table entries (1 and 2 words), as QEMU keeps and as
                      KVM saves them
        lpi-config    LPI configuration byte (1 word)

      A WORD is a 64-bit number, decimal or hexadecimal after 0x, in memory order;
      trailing words that are not given read as zero. Without arguments after KIND
      the words come from standard input.

      Without KIND, the arguments or standard input are lines of a Linux kernel
      log, as dmesg, journalctl, syslog or a console give them. Found in them are
      events of the arm-smmu-v3 driver in the old form ("event 0x10 received:" and
      four words) and in the new one ("event: F_TRANSLATION client: ... sid: ..."),
      its global and command queue errors with the command, time-outs and
      overflows, context faults of an SMMUv2, and the ITS's time-outs. Words join
      an event only where their lines name the same SMMU. For an event the command
      also says what to look at next; a write at offset 0x40 of a page is pointed
      out as a possible MSI to an ITS, and --its makes that certain.

      Encodings that the manuals do not define are called unknown or reserved.

      EXAMPLES
        doorbell decode event 0x7d1200000010 0x12000000007c 0xfffef040 0
        doorbell decode descriptor 0x40000044b72763 --stage 1 --level 3
        dmesg | doorbell decode

      EXIT STATUS
        0 decoded; 2 bad input, or no event found.
      """)

  @OptionGroup var result: ResultOptions<OutputFormat>

  @Option(help: ArgumentHelp("Base address of an ITS; may be repeated.", valueName: "address"))
  var its: [String] = []

  @Option(help: ArgumentHelp("Stage of a descriptor: 1 or 2.", valueName: "stage"))
  var stage = 1

  @Option(help: ArgumentHelp("Level of a descriptor: 0 to 3.", valueName: "level"))
  var level: Int?

  @Option(help: ArgumentHelp("Granule of a descriptor in KiB: 4, 16 or 64.", valueName: "KiB"))
  var granule = 4

  @Argument(help: ArgumentHelp("The kind of record and its words, or log text."))
  var arguments: [String] = []

  func run() throws {
    let context = try DecodeContext(
      itsBases: its, stage: stage, level: level, granuleKiB: granule)
    let decoded = try DecodeRequest(arguments: arguments, input: standardInput).decode(context)
    try result.write(text: decoded.text + "\n", json: decoded.json)
  }

  private func standardInput() throws(InputError) -> String {
    if isatty(STDIN_FILENO) == 1 {
      Output.note(
        arguments.isEmpty
          ? "doorbell: lines of a kernel log, then Ctrl-D; 'doorbell decode --help' tells more"
          : "doorbell: the words of the record, then Ctrl-D")
    }
    return try InputFile.standardInput(limit: 16 << 20)
  }
}
