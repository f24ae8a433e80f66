import Bits
import IOMMU
import Linux
import Software
import Testing

@Suite("AttachPolicy")
struct AttachPolicyTests {
  /// The errno of a refusal, by device in the order of `AttachCase.all`; `-` where it is attached.
  @Test(
    "each policy refuses whom it says, with its errno",
    arguments: [
      (.none, ["-", "-", "-", "-", "-", "-"]),
      (.intelDriverCheck, ["EPERM", "-", "-", "-", "-", "-"]),
      (.williamson, ["EPERM", "-", "-", "EPERM", "EPERM", "EPERM"]),
      (.murphy, ["EPERM", "-", "-", "EPERM", "EPERM", "EPERM"]),
      // Without a blocked domain of the driver the core's empty one is not seen.
      (.gunthorpe, ["EINVAL", "-", "-", "-", "-", "-"]),
      (.merged, ["EINVAL", "-", "-", "EINVAL", "EINVAL", "-"]),
      (.claimOwner, ["EINVAL", "-", "-", "EINVAL", "EINVAL", "-"]),
    ] as [(AttachPolicy, [String])])
  func errnos(policy: AttachPolicy, expected: [String]) {
    #expect(AttachCase.all.map { policy.attach($0).refusal?.errno ?? "-" } == expected)
  }

  @Test("a device that is refused goes back to a domain in which its firmware works")
  func recovery() {
    for policy in AttachPolicy.allCases {
      for subject in AttachCase.all {
        let outcome = policy.attach(subject)
        if outcome.refusal != nil {
          #expect(outcome.firmwareRecovers, "\(policy) \(subject.name)")
        }
      }
    }
  }

  @Test("a refusal of the unmanaged domain comes too late for firmware behind a blocked domain")
  func lateRefusal() throws {
    let nic = try #require(AttachCase.all.first)
    #expect(!AttachPolicy.williamson.attach(nic).firmwareSurvives)
    #expect(AttachPolicy.merged.attach(nic).firmwareSurvives)
    #expect(AttachPolicy.claimOwner.attach(nic).firmwareSurvives)
  }

  @Test("a kernel user that maps the regions itself is let through by what was merged")
  func kernelUser() throws {
    let user = try #require(AttachCase.all.last)
    let outcome = AttachPolicy.merged.attach(user)
    #expect(outcome.refusal == nil)
    #expect(outcome.firmwareSurvives)
  }

  @Test(
    "a release has the policy of its time",
    arguments: [
      (Kernel(6, 5), true, AttachPolicy.intelDriverCheck),
      (Kernel(6, 5), false, .none), (Kernel(6, 6), true, .merged),
      (Kernel(6, 6), false, .merged),
    ])
  func releases(kernel: Kernel, isIntel: Bool, policy: AttachPolicy) {
    #expect(AttachPolicy(of: kernel, isIntel: isIntel) == policy)
  }
}
