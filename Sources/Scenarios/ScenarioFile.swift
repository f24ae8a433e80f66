package import Attacks
package import Designs
package import Files
import Guest
import Linux
import Software
import VMM

extension Shape {
  /// A scenario file.
  package static let scenario = Shape.record(
    [
      .required("purpose", .anyText, "One line, the first of the file: what the scenario shows."),
      .optional("source", .anyText, "What justifies the expectations."),
      .optional("rows", .list(.anyText), "The rows of the scenario table that it shows."),
      .optional(
        "known-failure", .anyText,
        "Why the expectations do not hold yet; that they do is then a failure."),
    ] + Condition.fields + [
      .required(
        "workload",
        .oneOf([
          .required(
            "recording", .anyText, "The path of a recording, from here or the scenarios folder."),
          .required("synthetic", synthetic, "A workload that is made up."),
          .required("load", load, "Devices under load, for 'doorbell load'."),
        ]), "What the guest and its device do."),
      .required("designs", .list(.anyText), "Names of designs, or paths of design files."),
      .optional(
        "expect",
        .dictionary(keys: "names of designs to their expected results", designExpectation),
        "The expected result of each design; 'doorbell test' checks it."),
    ])

  /// A kernel: a release, with switches behind it or in a mapping.
  package static let kernel = Shape.either(
    .text(
      TextForm(
        Kernel.expectation, pattern: #"[0-9]{1,4}\.[0-9]{1,4}(\..*)?(\+[a-z0-9-]+)*"#)),
    mapping: .record([
      .required(
        "release",
        .text(TextForm("a kernel release such as 6.5", pattern: #"[0-9]{1,4}\.[0-9]{1,4}(\..*)?"#)),
        "The release."),
      .optional(
        "with", .list(switches), "What it has and its release has not ('doorbell releases list')."),
      .optional("without", .list(switches), "What its release has and it has not."),
    ]))

  private static let switches = Shape.choice(
    ReleaseSwitch.allCases.filter { $0.record.program == .linux && $0.record.choice == nil }
      .map { Choice($0.rawValue, $0.record.meaning) })

  static let synthetic = Shape.record([
    .required("vectors", .integer(1...2048), "Entries of the device's MSI-X table."),
    .required("messages", .integer(1...1_000_000), "MSIs that the device sends, vector by vector."),
    .required(
      "interval", time,
      "The time between two MSIs, in ns, us or ms."),
    .optional(
      "arrivals", .choice(of: Arrivals.self, \.meaning),
      "How the MSIs are spread; 'regular' if not given."),
    .optional(
      "message-store", .choice(of: MessageStore.self, \.meaning),
      "Where the device keeps its messages; 'msi-x' if not given. MSI has at most 32 vectors."),
    .optional(
      "driver", .choice(of: DeviceDriver.self, \.meaning),
      "The guest's driver; 'plain' if not given. Not for usages in which VFIO has the device."),
    .optional(
      "buffer", .integer(0...(.max)),
      "The IOVA of a page that the guest's driver maps for DMA before anything is sent."),
    .optional(
      "affinity",
      .list(
        .record([
          at,
          .required("vector", .integer(0...2047), "The vector whose interrupt moves (MOVI)."),
          .required("cpu", .integer(0...511), "The virtual CPU that it moves to."),
        ])), "Writes to a vector's '/proc/irq/N/smp_affinity' in the guest, in each VM."),
    .optional(
      "offline",
      .list(
        .record([at, .required("cpu", .integer(0...511), "The virtual CPU.")])),
      "Virtual CPUs that the guest takes off line; their interrupts move away."),
    .optional(
      "unbind", time, "When the guest's user unbinds the driver, counted from the first MSI."),
    .optional(
      "migrate",
      .list(
        .record([
          at,
          .required("virtual-cpu", .integer(0...511), "The virtual CPU that moves."),
          .required("to", .integer(0...4095), "The physical CPU that it moves to."),
        ])),
      "Moves of virtual CPUs by the host's scheduler (VMOVP where there are vPEs)."),
  ])

  private static let at = Shape.Field.required(
    "at", time,
    "When, counted from the first MSI.")

  static let designExpectation = Shape.record([
    .optional("setup", setup, "The result of set-up."),
    .optional("verdict", verdict, "The worst of the verdicts of all MSIs."),
    .optional("journeys", journeys, "How many MSIs end in which way."),
    .optional("message", message, "What the device's first MSI-X entry holds."),
    .optional("exits", exits, "Exits of the guest's virtual CPUs."),
    .optional("isolation", isolation, "The results of attacks on the design."),
    .optional("why", why, "The sentence that says why it came out so."),
    .optional(
      "devices",
      .list(
        .record([
          .optional("verdict", verdict, "The worst of the verdicts of its MSIs."),
          .optional("message", message, "What its first MSI-X entry holds."),
          .optional("why", why, "The sentence that says why it came out so."),
        ])),
      "What becomes of each device, from the first on, where there are several."),
  ])

  private static let why = Shape.record([.required("contains", .anyText, "A part of the sentence.")]
  )

  private static let setup = Shape.record([
    .optional(
      "outcome", .choice([Choice("enabled"), Choice("refused")]),
      "Whether the interrupts could be enabled."),
    .optional("by", .choice(of: Agent.self, \.title), "Who refuses."),
    .optional("errno", .anyText, "The errno of the refusal, such as EINVAL."),
    .optional("message", .anyText, "A part of the refusal's message."),
  ])

  private static let verdict = Shape.choice(of: Verdict.self, \.meaning)

  private static let isolation = Shape.record(
    Attack.all.map { attack in
      .optional(
        attack.name, .choice(of: IsolationFinding.Outcome.self, \.meaning), attack.action)
    })

  private static let count = Shape.integer(0...UInt64(UInt32.max))

  private static let journeys = Shape.record(
    Verdict.allCases.map { .optional($0.rawValue, count, $0.meaning) }
      + [.optional("total", count, "All MSIs.")])

  private static let message = Shape.record([
    .optional("address", .integer(0...(.max)), "Message address."),
    .optional("data", .integer(0...UInt64(UInt32.max)), "Message data."),
  ])

  private static let exits = Shape.record([
    .optional("setup", count, "Caused by what the guest's kernel does."),
    .optional("perInterrupt", .number, "Caused by deliveries, for each MSI sent."),
    .optional("wakeUps", count, "Interrupts that met an idle CPU of the host: no exits."),
  ])
}
