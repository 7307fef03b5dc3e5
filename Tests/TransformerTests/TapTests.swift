import Testing
import Transformer

@Suite struct TapTests {
  private func model() throws -> ModelConfiguration {
    try ModelConfiguration(
      input: .patches(width: 4), positionCount: 9, width: 16, headCount: 2, layerCount: 3,
      mlpWidth: 32,
      classCount: 3)
  }

  @Test func `patterns with stars choose taps in the order of computation`() throws {
    let names = Tap.matching("residual.*.post", in: try model()).map(\.name)
    #expect(names == ["residual.0.post", "residual.1.post", "residual.2.post"])
    #expect(try Tap.matching("*", in: model()).count == 31)
    #expect(try Tap.matching("attention.7.map", in: model()).isEmpty)
  }

  @Test func `maps have query and key axes`() throws {
    let axes = Tap(.map(1)).axes(try model(), samples: 5)
    #expect(axes.map(\.name) == ["sample", "head", "query", "key"])
    #expect(axes.map(\.length) == [5, 2, 9, 9])
  }
}
