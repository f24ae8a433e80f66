public import Designs
internal import Engine
internal import Software

/// Something that a hostile device or a hostile guest may try against a design: carried out on the
/// models, so that what comes of it is found and not claimed.
///
/// The actor acts as it could in the field: by writes of its device, by its guest's memory, and by
/// MMIO that traps or does not. Nothing else of the system is touched, save where `action` says so.
public struct Attack: Sendable {
  /// Party that carries out the attack.
  public enum Actor: String, CaseIterable, Sendable {
    /// The assigned function, whatever its guest wants.
    case device
    /// The guest's kernel, with its device.
    case guest
  }

  /// The name that commands and files use.
  public let name: String
  public let actor: Actor
  /// Action of the actor, in one sentence.
  public let action: String
  /// Condition that counts as a breach.
  public let breach: String
  /// Source of the expected behaviour.
  public let source: String
  let carryOut: @Sendable (RunSpecification) throws(AttackFailure) -> AttackOutcome

  /// All attacks: those of the device, those of the guest, floods, and those that a moment
  /// decides.
  public static let all: [Attack] =
    deviceAttacks + foreignITSAttacks + requesterAttacks + guestAttacks + commandAttacks + floods
    + momentAttacks + staleStateAttacks + snapshotAttacks

  public static func named(_ name: String) -> Attack? { all.first { $0.name == name } }
}

extension Attack: Equatable {
  public static func == (left: Self, right: Self) -> Bool { left.name == right.name }
}

extension RunSpecification {
  /// Sets the system up as a run does, attacks it, and says what came of it: unknown, with the
  /// reason, where the system or what the attack needs besides cannot be set up.
  public func attacked(by attack: Attack) -> IsolationFinding {
    do throws(AttackFailure) {
      if let inconsistency = design.inconsistency {
        throw AttackFailure.run(RunFailure("the design's choices conflict: \(inconsistency)"))
      }
      let outcome =
        conditions.platform == .arm
        ? try attack.carryOut(self) : try attack.onRISCV(self)
      return IsolationFinding(self, attack, outcome)
    } catch {
      switch error {
      case .run(let failure):
        return IsolationFinding(
          self, attack, AttackOutcome(outcome: .unknown, detail: failure.message))
      case .notApplicable(let reason):
        return IsolationFinding(self, attack, .without(reason))
      }
    }
  }
}

/// Thrown when an attack was not carried out.
enum AttackFailure: Error {
  /// The system cannot be modelled.
  case run(RunFailure)
  /// There is nothing to attack, or nothing to attack with.
  case notApplicable(String)
}
