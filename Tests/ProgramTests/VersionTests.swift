import Foundation
import Testing

@Suite struct VersionTests {
  @Test(arguments: ["isotherm", "isotherm-archive", "isotherm-analyze", "isotherm-plot"])
  func `every program is of the version that the changelog tells of last`(program: String) throws {
    let log = try String(contentsOfFile: Programs.root + "/CHANGELOG.md", encoding: .utf8)
    let heading = try #require(log.split(separator: "\n").first { $0.hasPrefix("## ") })
    let version = try #require(heading.dropFirst(3).split(separator: ",").first)
    let lines = try Programs.run(program, ["--version"]).output.split(separator: "\n").map(
      String.init)
    #expect(lines.first == String(version))
    for part in ["commit ", "HDF5 1.", "processor "] {
      #expect(lines.contains { $0.hasPrefix(part) && $0.count > part.count + 2 }, "\(lines)")
    }
  }
}
