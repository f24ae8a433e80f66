import Files
import Inspect
import Testing

@Suite("DecodeRequest")
struct DecodeRequestTests {
  private func request(_ arguments: [String], input: String = "") throws -> DecodeResult {
    try DecodeRequest(arguments: arguments, input: { input }).decode()
  }

  @Test("words come from the arguments or, without any, from standard input")
  func words() throws {
    let typed = try request(["event", "0x10", "0", "64", "0"])
    let piped = try request(["event"], input: "0x10 0\n64 0\n")
    #expect(typed == piped)
    #expect(typed.records[0].words == [0x10, 0, 64, 0])
  }

  @Test("without a kind, arguments and standard input are a log")
  func logs() throws {
    let text = "event 0x04 received: 0x0000000800000004 0x0 0x0 0x0"
    #expect(try request([text]).records[0].title == "event C_BAD_STE")
    #expect(try request(text.split(separator: " ").map(String.init)).records.count == 1)
    #expect(try request([], input: text).records.count == 1)
  }

  @Test(
    "bad input is one clear error",
    arguments: [
      (["event", "x"], "found \"x\""), (["event", "0x10000000000000000"], "64-bit number"),
      (["event", "1", "2", "3", "4", "5"], "expected 4 words of 64 bits, found 5"),
      (["evnt"], "expected a kind of record"), (["lpi-config", "0x100"], "expected a byte"),
      (["event"], "found 0"), ([], "found none"), (["just", "text"], "found none"),
      (["ste", "-1"], "found \"-1\""),
    ] as [([String], String)])
  func badInput(row: (arguments: [String], message: String)) {
    let error = #expect(throws: InputError.self) { try request(row.arguments) }
    #expect(error?.description.contains(row.message) == true, "\(error?.description ?? "")")
  }

  @Test("JSON has the same fields as the table")
  func json() throws {
    let result = try request(["command", "0x46", "0"])
    #expect(result.json.compactText.contains("\"name\":\"CS\",\"bits\":\"[13:12]\""))
    #expect(result.text.contains("CS"))
  }
}
