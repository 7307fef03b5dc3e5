import Archive
import Arrays
import Checkpoints
import Console
import PretrainedNetworks

/// A network that was imported, at one of its checkpoints, as an archive holds it.
struct ImportedNetwork {
  let reader: RunReader
  let network: PretrainedNetwork
  /// Text of its `config.json`.
  let configuration: String
  /// Step or number of the checkpoint, as the archive says.
  let step: Int32
  /// Its parameters, under our names.
  let weights: ArchivedWeights

  /// Bytes of weights in single precision up to which all layers are kept in memory.
  private static let keptBytes = 2 << 30

  /// Opens the archive `name` at a checkpoint, from 0; nil for the last. `option` is what messages call its number.
  /// - Throws: ``ArchiveError`` for an archive that is none of a network that others trained, or has no such checkpoint,
  ///   ``CheckpointError`` for weights that do not fit.
  init(_ name: String, checkpoint: Int?, option: String = "--checkpoint") throws {
    reader = try RunReader(name, expecting: [.run])
    guard reader.contains(Layout.Network.configuration),
      reader.contains(Layout.Checkpoints.parameters),
      let text = try reader.readTexts(Layout.Network.configuration).first
    else {
      throw ArchiveError(
        .layout,
        "\(reader.path): expected a network that isotherm import has archived with its config.json, found "
          + "none; import the folder of a checkpoint, without --weights-only")
    }
    configuration = text
    let count = try reader.describe(Layout.Checkpoints.step).shape.first ?? 0
    let row = checkpoint ?? count - 1
    guard (0..<count).contains(row) else {
      throw UsageError(
        "\(option) \(row): \(reader.path) has \(count), numbered from 0")
    }
    step = try reader.readRow(Layout.Checkpoints.step, row, as: Int32.self).elements.first ?? 0
    weights = try ArchivedWeights(reader, row)
    network = try Self.network(text, weights, weights)
  }

  /// The same network with other weights of the same names and shapes.
  func network(with other: any TensorFile) throws -> PretrainedNetwork {
    try Self.network(configuration, weights, other)
  }

  private static func network(
    _ configuration: String, _ own: ArchivedWeights, _ weights: any TensorFile
  ) throws -> PretrainedNetwork {
    let bytes = own.tensors.reduce(0) { $0 + 4 * $1.count }
    return try PretrainedNetwork(
      configuration: configuration, sources: own.sources, weights: weights,
      keepsLayers: bytes <= keptBytes)
  }
}

/// The parameters of one checkpoint of an archive.
struct ArchivedWeights: TensorFile {
  let path: String
  let format = CheckpointFormat.kerasWeights
  let tensors: [TensorInfo]
  /// Names that the parameters had in the files they were imported from.
  let sources: [String]
  private let reader: RunReader
  private let row: Int
  private let places: [String: Int]

  init(_ reader: RunReader, _ row: Int) throws {
    (self.reader, self.row, path) = (reader, row, reader.path)
    var (tensors, sources): ([TensorInfo], [String]) = ([], [])
    for name in try reader.names(in: Layout.Checkpoints.parameters) {
      let place = Layout.Checkpoints.parameter(name)
      guard case .text(let source)? = try reader.attribute(place, "source_name") else { continue }
      let shape = Array(try reader.describe(place).shape.dropFirst())
      guard let info = TensorInfo(name: name, shape: shape, type: .number(.float32)) else {
        continue
      }
      tensors.append(info)
      sources.append(source)
    }
    (self.tensors, self.sources) = (tensors, sources)
    places = Dictionary(
      tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func info(_ name: String) -> TensorInfo? { places[name].map { tensors[$0] } }

  func read(_ name: String, rows: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    let rest = try tensor(name).shape.dropFirst()
    let values = try reader.read(
      Layout.Checkpoints.parameter(name), as: Float.self,
      start: [row, rows.lowerBound] + rest.map { _ in 0 }, count: [1, rows.count] + rest)
    values.elements.withUnsafeBytes { target.copyMemory(from: $0) }
  }
}
