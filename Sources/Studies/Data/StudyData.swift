import Archive
import Console
import Corpora
import Kernels
import Transformer

/// The data of a study, in the form its modality has.
enum StudyData: Sendable {
  /// Images and the grid of patches over them.
  case images(ImageSet, PatchGrid)
  /// Passages as tokens.
  case text(TokenSamples)

  init(_ configuration: StudyConfiguration.Data) throws {
    let path = try DataLocation.dataSet(configuration.file)
    switch configuration.modality {
    case .image(let patch):
      let set = try ImageSet(path)
      let (height, width) = set.size
      guard let grid = PatchGrid(height: height, width: width, patch: patch) else {
        let fitting = (1...min(height, width)).filter { height % $0 == 0 && width % $0 == 0 }
        throw UsageError(
          "data.patch: \(patch) does not divide images of \(height) x \(width); possible: "
            + fitting.map(String.init).joined(separator: ", "))
      }
      self = .images(set, grid)
    case .text(let text): self = .text(try TokenSamples(PassageSet(path), text))
    }
  }

  /// The samples, as a trainer takes them.
  var source: any SampleSource<Float> {
    switch self {
    case .images(let set, let grid): PatchSource(images: set, grid: grid)
    case .text(let samples): samples
    }
  }

  /// What a position brings in.
  var input: ModelConfiguration.Input {
    switch self {
    case .images(_, let grid): .patches(width: grid.inputWidth)
    case .text(let samples): .tokens(vocabulary: samples.vocabularySize)
    }
  }

  /// Positions the data fills.
  var positionCount: Int {
    switch self {
    case .images(_, let grid): grid.positionCount
    case .text(let samples): samples.positions
    }
  }

  /// Classes, or tokens for next-token prediction.
  var outcomeCount: Int {
    switch self {
    case .images(let set, _): set.classNames.count
    case .text(let samples):
      samples.predictsNext ? samples.vocabularySize : samples.classNames.count
    }
  }

  var trainIndices: [Int] {
    switch self {
    case .images(let set, _): set.trainIndices
    case .text(let samples): samples.trainIndices
    }
  }

  var testIndices: [Int] {
    switch self {
    case .images(let set, _): set.testIndices
    case .text(let samples): samples.testIndices
    }
  }

  /// The data set, and the vocabulary where tokens come from a file of their own.
  var sources: [Provenance.Source] {
    switch self {
    case .images(let set, _): [set.source]
    case .text(let samples): samples.sources
    }
  }

  /// One line about values of the data set that do not have the hash stored beside them.
  var warning: String? {
    switch self {
    case .images(let set, _): set.warning
    case .text(let samples): samples.warning
    }
  }

  var classNames: [String] {
    switch self {
    case .images(let set, _): set.classNames
    case .text(let samples): samples.classNames
    }
  }

  /// Bytes held in memory.
  var byteCount: Int {
    switch self {
    case .images(let set, _): set.images.count
    case .text(let samples): samples.byteCount
    }
  }

  /// Class of a sample; of a stretch of text to be continued, that of the passage it starts in.
  func label(_ index: Int) -> Int32 {
    switch self {
    case .images(let set, _): set.labels[index]
    case .text(let samples): samples.labels[index]
    }
  }
}

/// The images of a data set as a trainer's samples.
struct PatchSource: SampleSource {
  let images: ImageSet
  let grid: PatchGrid

  var count: Int { images.labels.count }

  func write(_ index: Int, to slot: SampleSlot<Float>) {
    grid.write(index, of: images, to: slot.input)
    slot.targets[0] = images.labels[index]
  }
}
