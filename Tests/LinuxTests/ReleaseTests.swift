import Linux
import Testing

@Suite("Release")
struct ReleaseTests {
  @Test("releases compare by number, not by text")
  func order() {
    #expect(Release(6, 5) < Release(6, 6))
    #expect(Release(6, 9) < Release(6, 18))
    #expect(Release(6, 99) < Release(7, 0))
    #expect(Release(6, 18) < Release(6, 18, 15))
    #expect(Release(6, 18, 15) < Release(6, 19))
  }

  @Test(
    "a release is MAJOR.MINOR or MAJOR.MINOR.PATCH; a distribution's name may follow",
    arguments: [
      ("6.5", Release(6, 5)), ("7.3.4", Release(7, 3, 4)), ("6.12.15-arm64", Release(6, 12, 15)),
      ("6.18.9+deb14-arm64", Release(6, 18, 9)), ("10.0", Release(10, 0)),
      ("6.16.0-rc6", Release(6, 16)),
    ])
  func text(text: String, release: Release) {
    #expect(Release(text) == release)
  }

  @Test(
    "anything else is no release",
    arguments: [
      "", "6", "six.five", "6.", ".5", "-1.2", "6.-1", "6.5.1.2", "6 .5", "6.99999", "6.5.x", "６.5",
    ])
  func notARelease(text: String) {
    #expect(Release(text) == nil)
  }

  @Test("a release prints as it is written", arguments: ["6.5", "6.18.15", "7.3"])
  func description(text: String) {
    #expect(Release(text)?.description == text)
  }
}

@Suite("Kernel")
struct KernelTests {
  @Test("a kernel has what its release brought, what is added, and not what is taken out")
  func switches() {
    #expect(!Kernel(6, 14).has(.softwareMSINative))
    #expect(Kernel(6, 15).has(.softwareMSINative))
    #expect(Kernel(Release(6, 12), with: [.softwareMSINative]).has(.softwareMSINative))
    #expect(!Kernel(Release(7, 3), without: [.requireDirect]).has(.requireDirect))
    #expect(!Kernel(7, 3).has(.invalidateInCore))
  }

  @Test("a stable release has what was brought to its line, and no other line has it")
  func backports() {
    #expect(!Kernel(6, 18).has(.hitlessMEVAndEATS))
    #expect(!Kernel(Release(6, 18, 14)).has(.hitlessMEVAndEATS))
    #expect(Kernel(Release(6, 18, 15)).has(.hitlessMEVAndEATS))
    #expect(!Kernel(Release(6, 19, 20)).has(.hitlessMEVAndEATS))
    #expect(Kernel(7, 0).has(.hitlessMEVAndEATS))
  }

  @Test(
    "a kernel's name reads back",
    arguments: [
      "6.12", "6.12+sw-msi-native", "7.3+no-require-direct",
      "6.18.3+sw-msi-bounded+no-iommufd+no-require-direct",
    ])
  func names(name: String) throws {
    #expect(try Kernel(name: name).description == name)
  }

  @Test("switches stand in the table's order, whatever order they were given in")
  func order() throws {
    let kernel = try Kernel(
      release: "6.12", with: ["veventq", "sw-msi-native"], without: ["require-direct", "iommufd"])
    #expect(kernel.description == "6.12+sw-msi-native+veventq+no-iommufd+no-require-direct")
  }

  @Test("what names no kernel says why")
  func mistakes() {
    #expect(throws: KernelNameError.malformed) { try Kernel(name: "six") }
    #expect(throws: KernelNameError.malformed) { try Kernel(name: "+iommufd") }
    #expect(throws: KernelNameError.unknownRelease(Release(5, 9))) { try Kernel(name: "5.9") }
    #expect(throws: KernelNameError.unknownRelease(Release(7, 4))) { try Kernel(name: "7.4") }
    #expect(throws: KernelNameError.unknownSwitch("smi")) { try Kernel(name: "6.5+smi") }
    #expect(throws: KernelNameError.unknownSwitch("")) { try Kernel(name: "6.5+") }
    #expect { try Kernel(name: "7.3+sw-msi-start") } throws: {
      if case .unsuitable(.softwareMSIStart, _) = $0 as? KernelNameError { true } else { false }
    }
    #expect { try Kernel(name: "7.3+qemu-auto-properties") } throws: {
      if case .unsuitable(.qemuAutoProperties, _) = $0 as? KernelNameError { true } else { false }
    }
    #expect { try Kernel(name: "7.3+veventq+no-veventq") } throws: {
      if case .unsuitable(.virtualEventQueue, _) = $0 as? KernelNameError { true } else { false }
    }
  }

  @Test("only what no release has is unreleased")
  func unreleased() throws {
    let kernel = try Kernel(name: "6.12+sw-msi-native+sw-msi-bounded")
    #expect(kernel.unreleased == [.softwareMSIBounded])
  }
}

@Suite("The release table")
struct ReleaseTableTests {
  @Test("each switch has a name of small letters, digits and dashes, and 'no-' begins none")
  func names() {
    for item in ReleaseSwitch.allCases {
      #expect(item.rawValue.wholeMatch(of: /[a-z][a-z0-9]*(-[a-z0-9]+)*/) != nil)
      #expect(!item.rawValue.hasPrefix("no-"))
    }
    #expect(Set(ReleaseSwitch.allCases.map(\.rawValue)).count == ReleaseSwitch.allCases.count)
    #expect(ReleaseSwitch.allCases.count <= 128)
  }

  @Test("each has a source and one sentence", arguments: ReleaseSwitch.allCases)
  func records(item: ReleaseSwitch) {
    let record = item.record
    #expect(!record.source.isEmpty)
    #expect(record.meaning.hasSuffix("."))
    #expect(!record.meaning.contains("\n"))
    #expect(record.isReleased == !record.releases.isEmpty)
  }

  @Test("released ones of Linux stand in order of release, all of them known")
  func order() {
    let released = ReleaseSwitch.allCases.map(\.record)
      .filter { $0.program == .linux && $0.isReleased }.compactMap(\.releases.last)
    #expect(released == released.sorted())
    for release in released { #expect(Kernel(release).isKnown) }
  }

  @Test("a stable release that brought a switch is of an older line")
  func backports() {
    for item in ReleaseSwitch.allCases {
      for release in item.record.backports {
        #expect(item.record.releases.last.map { release < $0 } == true)
        #expect(Kernel(release).has(item))
      }
    }
  }

  @Test("a switch that a kernel's release decides about turns on at that release and stays")
  func monotonous() {
    let lines =
      (10...19).map { Release(5, $0) } + (0...19).map { Release(6, $0) }
      + (0...3).map { Release(7, $0) }
    for item in ReleaseSwitch.allCases where item.record.program == .linux {
      let has = lines.map { Kernel($0).has(item) }
      #expect(has == has.sorted { !$0 && $1 }, "\(item)")
      #expect(has.contains(true) == item.record.isReleased)
    }
  }
}
