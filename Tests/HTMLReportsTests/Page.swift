import Foundation
import FoundationXML

/// A page of HTML that is XML, too, as a strict parser reads it.
final class Page: NSObject, XMLParserDelegate {
  struct Element {
    let name: String
    let attributes: [String: String]
    /// The names of the elements around it, the outermost first.
    let path: [String]
  }

  private(set) var elements: [Element] = []
  /// All text outside the style sheet.
  private(set) var text = ""
  /// What the parser complains about; `nil` for a well-formed page.
  private(set) var complaint: String?
  private var path: [String] = []

  init(_ html: String) {
    super.init()
    let parser = XMLParser(data: Data(html.utf8))
    parser.delegate = self
    if !parser.parse() {
      complaint = "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "malformed")"
    }
  }

  func elements(_ name: String) -> [Element] { elements.filter { $0.name == name } }

  var identifiers: [String] { elements.compactMap { $0.attributes["id"] } }

  /// The targets of links, without their `#`.
  var links: [String] {
    elements("a").compactMap { $0.attributes["href"] }.map { String($0.dropFirst()) }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    elements.append(Element(name: name, attributes: attributes, path: path))
    path.append(name)
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    path.removeLast()
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    if path.last != "style", path.last != "script" { text += string }
  }
}
