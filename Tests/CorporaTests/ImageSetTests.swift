import Corpora
import Foundation
import Testing

@Suite struct ImageSetTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  @Test func `the embedded images are balanced, split, and whole`() throws {
    let set = try ImageSet(Self.root + "/data/fashion-mnist-small.h5")
    #expect(set.images.shape == [12_000, 28, 28])
    #expect(set.trainIndices.count == 10_000)
    #expect(set.testIndices.count == 2_000)
    #expect(Set(set.trainIndices).isDisjoint(with: set.testIndices))
    for label in 0..<10 {
      #expect(set.trainIndices.filter { set.labels[$0] == label }.count == 1_000)
      #expect(set.testIndices.filter { set.labels[$0] == label }.count == 200)
    }
    #expect(set.classNames.count == 10)
  }

  @Test func `patches cut an image row by row and are standardised`() throws {
    let set = try ImageSet(Self.root + "/data/fashion-mnist-small.h5")
    let grid = try #require(PatchGrid(height: 28, width: 28, patch: 4))
    #expect(grid.positionCount == 49 && grid.inputWidth == 16)
    let input = UnsafeMutablePointer<Float>.allocate(capacity: 784)
    defer { input.deallocate() }
    grid.write(3, of: set, to: input)
    let pixel = Float(set.images[3, 9, 14]) / 255
    // Row 9, column 14: patch (2, 3), inside it (1, 2).
    let found = input[(2 * 7 + 3) * 16 + 1 * 4 + 2]
    #expect(abs(found - (pixel - set.mean) / set.deviation) < 1e-5)
    #expect(PatchGrid(height: 28, width: 28, patch: 5) == nil)
  }

  @Test func `a truncated data set is refused in one sentence`() throws {
    let whole = try Data(
      contentsOf: URL(fileURLWithPath: Self.root + "/data/fashion-mnist-small.h5"))
    let cut = URL(fileURLWithPath: NSTemporaryDirectory() + "cut-\(UUID().uuidString).h5")
    try whole.prefix(100_000).write(to: cut)
    defer { try? FileManager.default.removeItem(at: cut) }
    #expect {
      _ = try ImageSet(cut.path)
    } throws: { String(describing: $0).contains("cut short") }
  }
}
