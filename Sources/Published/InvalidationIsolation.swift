internal import Files
internal import Scenarios
internal import Scripts

// What a guest can invalidate that is not its own, by running the models that rewrite its commands.
extension InvalidationCollapse {
  func addIsolation(_ prediction: inout Prediction) throws(InputError) {
    let attack = try attack()
    let relayed: Study.Value = .text(
      attack.isConfined
        ? "no: \(attack.rewritten) rewritten, \(attack.refused) refused" : "YES")
    let waits: Study.Value = .text("until the sync ends")
    prediction.studies.append(
      Study(
        title: "what a guest reaches by its invalidations",
        columns: ["variant", "another VMID or StreamID", "a stale translation is usable"],
        rows: [
          [.text("trapped"), relayed, waits], [.text("trapped, batched"), relayed, waits],
          [.text("deferred"), relayed, .text("until the flush ends")],
          [.text("guest-owned queue"), .text("not run: hardware confines it"), waits],
        ],
        note:
          "The commands are those of the script \(attack.script), which runs the virtual SMMU's "
          + "front end and the host's arm_vsmmu_convert_user_cmd. What confines a queue of the "
          + "guest's own is hardware that the models do not have: the host sets the VMID of the "
          + "queue and a table of the guest's StreamIDs (tegra241-cmdqv.c)."))
    prediction.claims["confined"] = (
      attack.isConfined, "\(attack.rewritten) rewritten, \(attack.refused) refused"
    )
  }

  private struct Attack {
    var script = ""
    var rewritten = 0
    var refused = 0
    /// Whether the outcome of every step is what the manual and the kernel say.
    var isConfined = true
  }

  /// Sends a guest's commands, its own and others', through the models.
  private func attack() throws(InputError) -> Attack {
    var attack = Attack()
    attack.script = "nested/invalidations.yaml"
    let result = try Script("\(table.scenarios)/\(attack.script)").run()
    for step in result.steps where step.step.action == "invalidate" {
      attack.isConfined = attack.isConfined && step.checks.allSatisfy(\.holds)
      guard step.outcome.refusal == nil else {
        attack.refused += 1
        continue
      }
      if case .array(let sent)? = step.outcome.record["sent"] { attack.rewritten += sent.count }
    }
    attack.isConfined = attack.isConfined && attack.refused > 0 && attack.rewritten > 0
    return attack
  }
}
