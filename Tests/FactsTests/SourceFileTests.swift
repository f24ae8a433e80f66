import Testing

@testable import Facts

@Suite("SourceFile")
struct SourceFileTests {
  private func read(_ text: String, rust: Bool = false) -> (SourceFile, SourceWords) {
    var words = SourceWords()
    let file = SourceFile(Array(text.utf8), rust ? .rust : .c, words: &words)
    return (file, words)
  }

  private func text(_ part: SourceFile.Part?, _ words: SourceWords) -> String {
    part.map { words.text($0.tokens) } ?? "none"
  }

  @Test("comments and blanks go, numbers are spelled alike")
  func tokens() {
    var words = SourceWords()
    let source = "a /* b\n c */ = 0x10UL; // d\n\"e /* f\" 'g' 1'000 0b11 010\n"
    let lexer = SourceLexer.read(Array(source.utf8), .c, words: &words)
    #expect(
      words.text(lexer.tokens.prefix(6)) == "a = 16 ; \"e /* f\" 'g'")
    #expect(lexer.tokens.map(\.line).prefix(5) == [1, 2, 2, 2, 3])
    #expect(SourceLexer.value("0x0800_0000u64".utf8) == 0x800_0000)
    #expect(SourceLexer.value("4096ULL".utf8) == 4096)
    #expect(SourceLexer.value("0xffi32".utf8) == 0xff)
    #expect(SourceLexer.value("1.5".utf8) == nil)
  }

  @Test("functions, macros, structures, enumerators and variables of C are found by name")
  func c() {
    let (file, words) = read(
      """
      #include <a.h>
      #define SIZE (1 << 4) /* x */
      #define JOIN(a, b) \\
        a ## b
      #if X
      #define SIZE 3
      #endif
      enum kind { A, B = 0x10, C, D = 1 << 3, E = B | 1, F = other };
      struct pair { int one; struct { int two; } in; };
      static const char *const names[] = { [A] = "a", };
      struct pair *find(struct pair *p)
      {
        if (p) { return p; }
        return NULL;
      }
      static int __init start(void) __acquires(lock)
      {
        return find(0) ? 1 : 0;
      }
      int declared(void);
      """)
    var search = words
    func part(_ parts: [Int32: [SourceFile.Part]], _ name: String) -> String {
      text(parts[search.word(name)]?.first, words)
    }
    #expect(part(file.macros, "SIZE") == "( 1 < < 4 )")
    #expect(file.macros[search.word("SIZE")]?.count == 2)
    #expect(part(file.functions, "find") == "{ if ( p ) { return p ; } return NULL ; }")
    #expect(part(file.functions, "start").contains("find ( 0 )"))
    #expect(part(file.functions, "declared") == "none")
    #expect(part(file.structures, "pair").hasPrefix("{ int one ;"))
    #expect(part(file.constants, "names") == "{ [ A ] = \"a\" , }")
    #expect(
      ["A", "B", "C", "D", "E", "F"].map { file.enumerators[search.word($0)]?.value }
        == [0, 16, 17, 8, 17, nil])
    #expect(file.functions[search.word("find")]?.first?.line == 11)
  }

  @Test("functions and constants of Rust are found in their blocks")
  func rust() {
    let (file, words) = read(
      """
      /* a /* b */ c */
      pub const START: Address = Address(0x4000_0000);
      impl<'a> Thing<'a> {
        const SIZE: u64 = 1 << 4;
        pub fn run(&self, x: Option<&'a str>) -> Result<(), Error> {
          let s = r#"fn no() { }"#;
          if x.is_some() { return Ok(()); }
          Err(Error::None)
        }
        fn declared(&self);
      }
      """, rust: true)
    var search = words
    #expect(text(file.constants[search.word("START")]?.first, words) == "Address ( 1073741824 )")
    #expect(text(file.constants[search.word("SIZE")]?.first, words) == "1 < < 4")
    let run = text(file.functions[search.word("run")]?.first, words)
    #expect(run.hasSuffix("Err ( Error :: None ) }"))
    #expect(file.functions[search.word("no")] == nil)
    #expect(file.functions[search.word("declared")] == nil)
  }

  @Test("cut and odd text ends")
  func odd() {
    for text in [
      "", "(", "{", "enum", "enum {", "struct a {", "#define", "#define A \\", "\"", "'", "/*",
      "fn", "const X", "int f() {", "((((", "}}}}", "x = {", "r#\"", "a [ = 1",
    ] {
      _ = read(text)
      _ = read(text, rust: true)
    }
  }
}
