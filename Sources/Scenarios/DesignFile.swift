package import Designs
package import Files
import HostKernel
import VMM

extension Shape {
  /// A design file.
  package static let design = Shape.record(
    [
      .required("title", .anyText, "What the design is, in one sentence."),
      .required("source", .anyText, "Where it is proposed or implemented, and since when."),
    ] + DesignAxis.all.map(\.field))
}

extension ScenarioFolder {
  /// The names of the designs in the folder.
  package var designNames: [String] { names(of: .design) }

  /// The design with this name, in the file at this path, or, as `name,axis=choice,...`, a variant
  /// of it.
  package func design(named name: String) throws(InputError) -> Design {
    if let variant = try variant(named: name) { return variant }
    return try readDesign(at: file(.design, named: name))
  }

  /// The design in the file at `path`.
  ///
  /// - Parameter settings: values for its fields, instead of the file's.
  func readDesign(
    at path: String, settings: [FieldSetting] = []
  ) throws(InputError) -> Design {
    let value = try InputFile(path).value(as: .design).setting(settings, as: .design)
    // The file names a choice on each axis whose choice here is not the standard one.
    var design = Design(
      name: baseName(path), title: value.text("title"), source: value.text("source"),
      advertisement: .nothing, stageTwo: .softwareWindow, msixEntry: .replaced,
      eventIDOwner: .host, delivery: .irqfd)
    if path != self.path(.design, named: design.name) { design.reference = path }
    for axis in DesignAxis.all {
      guard let field = value[axis.name] else { continue }
      guard axis.choose(field.text, for: &design) else {
        throw field.error(expected: axis.field.shape.expectation)
      }
    }
    if let inconsistency = design.inconsistency {
      throw InputError(
        "expected choices that can stand together: \(inconsistency)",
        at: value["msix"]?.place ?? value.place, field: "msix")
    }
    return design
  }
}
