import Archive
import Arrays
import Console
import Information

/// Input and padding.
extension InformRun {
  /// Estimators that compare inputs need them.
  func checkInput() throws {
    guard let estimator = configuration.information.estimators.first(where: \.needsInput) else {
      return
    }
    let paths = [Layout.Samples.token, Layout.Samples.image, Layout.Samples.pixel]
    guard paths.contains(where: reader.contains) else {
      throw UsageError(
        "information.estimators: \(estimator.rawValue) compares a layer with the input, and \(reader.path) holds neither tokens nor "
          + "images; save the input too, or choose kde or binning")
    }
  }

  /// Whether padding stands in front of a text or behind it makes no other layer of it.
  func tokensFirst(_ values: [Float], isMap: Bool) -> [Float] {
    let rows = Array(0..<samples)
    return isMap
      ? padding.tokensFirst(maps: values, of: rows) : padding.tokensFirst(states: values, of: rows)
  }

  var input: InformedInput { reader.contains(Layout.Samples.token) ? .tokens : .pixels }

  /// Distances between the inputs themselves.
  func inputDistances() throws -> LayerDistances {
    if input == .tokens { return try tokenDistances() }
    if !reader.contains(Layout.Samples.image) {
      let pixels: NDArray<Float> = try reader.read(Layout.Samples.pixel)
      var distances = try LayerDistances(count: samples)
      let size = pixels.shape.dropFirst().reduce(1, *)
      try distances.add(Array(pixels.elements.prefix(samples * size)))
      return distances
    }
    let images: NDArray<UInt8> = try reader.read(Layout.Samples.image)
    var distances = try LayerDistances(count: samples)
    let size = images.shape.dropFirst().reduce(1, *)
    try distances.add(images.elements.prefix(samples * size).map { Float($0) / 255 })
    return distances
  }

  func tokenDistances() throws -> LayerDistances {
    let tokens: NDArray<Int32> = try reader.read(Layout.Samples.token)
    let vocabulary = Int(tokens.elements.max() ?? 0) + 1
    var shares = [Float](repeating: 0, count: samples * vocabulary)
    for sample in 0..<samples {
      let places = (0..<tokens.shape[1]).filter { padding.isToken(sample, $0) }
      for position in places {
        let token = Int(tokens.elements[sample * tokens.shape[1] + position])
        shares[sample * vocabulary + token] += 1 / Float(places.count)
      }
    }
    var distances = try LayerDistances(count: samples)
    try distances.add(shares)
    return distances
  }
}
