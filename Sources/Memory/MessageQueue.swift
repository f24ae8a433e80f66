/// A first-in first-out queue that keeps its storage: what a unit sends, until its machine takes it.
package struct MessageQueue<Element: BitwiseCopyable> {
  private var elements: ContiguousArray<Element> = []
  private var head = 0

  package init() {}

  /// Puts an element behind all others.
  package mutating func append(_ element: Element) { elements.append(element) }

  /// Takes the oldest element; `nil` where none waits.
  package mutating func next() -> Element? {
    guard head < elements.count else { return nil }
    defer {
      head += 1
      if head == elements.count {
        elements.removeAll(keepingCapacity: true)
        head = 0
      }
    }
    return elements[head]
  }
}
