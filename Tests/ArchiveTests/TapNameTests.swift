import Archive
import Testing

@Suite struct TapNameTests {
  private var all: [TapName] {
    TapName.Quantity.allCases.flatMap { quantity in
      [0, 3, 12].flatMap { layer in
        [false, true].map { TapName(quantity, layer: layer, isGradient: $0) }
      }
    }
  }

  @Test func `every name is read as what it was printed from`() {
    for tap in all { #expect(TapName(tap.description) == tap) }
    #expect(Set(all).count == 10 * 3 * 2 + 3 * 2)
    #expect(TapName(.residualPost, layer: 2).description == "residual.2.post")
    #expect(TapName(.map, layer: 11, isGradient: true).description == "gradient.attention.11.map")
    #expect(TapName(.logits).description == "logits")
  }

  @Test func `a name that is spelled otherwise is none`() {
    for name in all.map(\.description) {
      for other in [
        name + ".", "." + name, name.uppercased(), name + ".0", name + " ",
        name.replacing(".", with: ".."), "gradient." + name + ".x",
      ] where other != name {
        #expect(TapName(other) == nil, "\(other)")
      }
    }
    for name in [
      "", "residual", "residual.0", "residual..post", "residual.-1.post", "residual.+1.post",
      "residual.01.post", "residual.x.post", "attention.0.hidden", "mlp.0.map", "logits.0",
      "gradient", "gradient.", "gradient.gradient.logits",
    ] {
      #expect(TapName(name) == nil, "\(name)")
    }
  }

  @Test func `no two names share an array`() {
    let paths = Set(all).map(\.path)
    #expect(Set(paths).count == paths.count)
    #expect(TapName(.scores, layer: 0).path == "/attention/attention.0.scores/values")
    #expect(TapName(.residualPre, layer: 0).path == "/activations/residual.0.pre/values")
    #expect(
      TapName(.logits, isGradient: true).path == "/gradients/gradient.logits/values")
  }
}
