package import Designs
import Files
import HostKernel
package import Linux
import VMM

/// One of the independent questions that a design answers.
///
/// The list of all axes serves design files, their schema, what `doorbell designs` shows and
/// writes, and the enumeration of all designs: a new axis is one more entry.
package struct DesignAxis: Sendable {
  /// An answer.
  package struct Choice: Equatable, Sendable {
    package let word: String
    package let meaning: String
    /// Interface that it rests on beyond a released kernel; `nil` for none.
    package let interface: ReleaseSwitch?
  }

  /// The field of design files.
  package let name: String
  /// Question that the choice answers, in one sentence.
  package let question: String
  package let choices: [Choice]
  /// The word that an absent field stands for; `nil` for a field that may not be absent.
  package let standard: String?
  private let readChoice: @Sendable (Design) -> Choice
  private let write: @Sendable (inout Design, String) -> Bool

  private init<Word: Linux.Choice>(
    _ name: String, _ path: any WritableKeyPath<Design, Word> & Sendable, _ question: String,
    standard: Word? = nil
  ) {
    self.name = name
    self.question = question
    choices = Word.allCases.map(Self.choice)
    self.standard = standard?.rawValue
    readChoice = { Self.choice($0[keyPath: path]) }
    write = { design, word in
      guard let choice = Word(rawValue: word) else { return false }
      design[keyPath: path] = choice
      return true
    }
  }

  private static func choice(_ word: some Linux.Choice) -> Choice {
    Choice(word: word.rawValue, meaning: word.meaning, interface: word.interface)
  }

  /// The word that `design` chooses.
  package func word(of design: Design) -> String { readChoice(design).word }

  /// The choice of `design`, with its meaning.
  package func choice(of design: Design) -> Choice {
    readChoice(design)
  }

  /// Makes `design` choose `word`; `false`, and no change, when the axis has no such word.
  package func choose(_ word: String, for design: inout Design) -> Bool { write(&design, word) }

  /// All axes, in the order of design files.
  package static let all: [DesignAxis] = [
    DesignAxis(
      "advertise", \.advertisement, "Where the guest learns of the doorbell that its device uses."),
    DesignAxis("stage2", \.stageTwo, "What the host's stage 2 maps to the physical doorbell."),
    DesignAxis("msix", \.msixEntry, "Who writes the MSI-X entry that the device uses."),
    DesignAxis("eventID", \.eventIDOwner, "Whose EventID stands in the message."),
    .delivery,
    DesignAxis(
      "iommu", \.iommu, "Whether the guest has an SMMU in front of the device.", standard: .nested),
    DesignAxis(
      "controller", \.controller, "What takes the guest's MSIs.", standard: .its),
    DesignAxis(
      "vits", \.virtualITS, "Where the VMM puts the doorbell page of its virtual ITS.",
      standard: .besideWindow),
    DesignAxis(
      "route", \.route, "Which address the VMM puts in KVM's route.", standard: .machineDoorbell),
    DesignAxis(
      "override", \.addressOverride,
      "Where the host takes in an address that msix 'trapped-forwarded' passes.",
      standard: .msiDomain),
  ]

  static let delivery = DesignAxis(
    "delivery", \.delivery, "How the interrupt reaches the virtual CPU.")

  /// The axis as a field of a design file.
  var field: Shape.Field {
    let shape = Shape.choice(choices.map { Shape.Choice($0.word, $0.meaning) })
    guard let standard else { return .required(name, shape, question) }
    return .optional(name, shape, question, standard: .string(standard))
  }
}
