import Archive
import Studies
import Testing
import Transformer

@Suite struct TapArchiveTests {
  @Test func `every tap of a network is archived under the name it is asked for by`() throws {
    let model = try ModelConfiguration(
      input: .patches(width: 4), positionCount: 9, width: 16, headCount: 2, layerCount: 12,
      mlpWidth: 32, classCount: 3)
    for tap in Tap.all(model) {
      #expect(tap.archivedName.description == tap.name)
      #expect(TapName(tap.name) == tap.archivedName)
    }
  }
}
