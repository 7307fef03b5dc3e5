import Foundation
import Testing

@Suite struct VersionTests {
  @Test(arguments: ["isotherm", "isotherm-archive", "isotherm-analyze", "isotherm-plot"])
  func `every program is of the version that the changelog tells of last`(program: String) throws {
    let log = try String(contentsOfFile: Programs.root + "/CHANGELOG.md", encoding: .utf8)
    let heading = try #require(log.split(separator: "\n").first { $0.hasPrefix("## ") })
    let version = try #require(heading.dropFirst(3).split(separator: ",").first)
    #expect(try Programs.run(program, ["--version"]).output == version + "\n")
  }
}
