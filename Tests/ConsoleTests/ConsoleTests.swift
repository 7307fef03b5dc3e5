import Console
import Foundation
import Testing

@Suite struct ConsoleTests {
  @Test func `durations and sizes read well`() {
    #expect(Format.duration(12.4) == "12 s")
    #expect(Format.duration(200) == "3 min 20 s")
    #expect(Format.duration(7500) == "2 h 5 min")
    #expect(Format.bytes(999) == "999 B")
    #expect(Format.bytes(1_234_567) == "1.2 MB")
    #expect(Format.fixed(.nan) == "–")
    #expect(Format.short(0.0001234) == "1.2e-04")
  }

  @Test func `numbers are right-aligned and words left-aligned`() {
    var table = Table(["name", "value"])
    table.add(["a", "1.5"])
    table.add(["longer", "10.0"])
    let lines = table.text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "name    value")
    #expect(lines[2] == "a         1.5")
    #expect(lines[3] == "longer   10.0")
  }

  @Test func `a report is a table, JSON and CSV of the same cells`() throws {
    var report = Report("demo", [("layer", "layer"), ("value", "value"), ("who", "who")])
    report.add([.integer(0), .number(0.12345, digits: 2), .text("a, \"b\"")])
    report.add([.integer(1), .number(.nan, digits: 2), .text("c")])
    #expect(report.text.contains("0.12"))
    #expect(report.csv == "layer,value,who\n0,0.12345,\"a, \"\"b\"\"\"\n1,,c")
    let json = try Console.encode(report)
    #expect(json.contains("\"value\":0.12345"))
    #expect(json.contains("\"value\":null"))
  }
}
