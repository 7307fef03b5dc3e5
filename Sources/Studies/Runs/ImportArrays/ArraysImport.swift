import Archive
import Arrays
import Checkpoints
import Console
import Foundation
import Kernels

/// Arrays that people saved from a network of theirs, as an archive of kind run: states and maps where those of our own runs lie.
public struct ArraysImport {
  let arrays: MappedArrays
  private let progress: ProgressLine

  /// What is imported, for people and scripts.
  public struct Outcome: Encodable, Sendable {
    /// One array.
    public struct Item: Encodable, Sendable {
      /// File and name; of several the first.
      public var array: String
      /// Lengths in the file.
      public var shape: [Int]
      /// What it stands for, and where it goes.
      public var role: String, path: String
    }
    /// The archive; nil for a dry run.
    public var path: String?
    /// Every array that has a place.
    public var mapped: [Item]
    /// Arrays that have none.
    public var leftOver: [String]
    /// Lengths that all have in common; nil where no array tells them.
    public var samples: Int, layers: Int, positions: Int?, width: Int?, heads: Int?
    /// Number of checkpoints.
    public var checkpoints: Int
    /// Whether queries see no later keys, and whether the last state is behind the final norm.
    public var causal: Bool, finalNorm: String
    /// Bytes before compression.
    public var bytes: Int
    /// What a person should know.
    public var notes: [String]

    private enum CodingKeys: String, CodingKey {
      case path, mapped, samples, layers, positions, width, heads, checkpoints, causal, bytes, notes
      case leftOver = "left_over"
      case finalNorm = "final_norm"
    }
  }

  /// Opens files and maps their arrays by a preset, a file of rules, or both; reads no value.
  /// - Throws: `UsageError` or ``CheckpointError`` for what cannot be mapped.
  public init(
    _ files: [String], preset: ArrayPreset?, map: String?, join: ArrayJoin?, progress: ProgressLine
  ) throws {
    self.progress = progress
    arrays = try MappedArrays(files, ArrayMap(preset: preset, path: map), join: join)
  }

  /// What arrays can stand for, for the help.
  public static let roles = ArrayRole.allCases.map(\.rawValue).joined(separator: ", ")

  /// The preset whose names the arrays of a file have; nil when it is no file of captures.
  public static func suggestion(for file: String) -> ArrayPreset? {
    guard let found = try? SavedArray.all(of: file) else { return nil }
    return ArrayPreset.suggestion(for: found.map(\.name))
  }

  /// What maps to what, before anything is looked at.
  public var mapping: [Outcome.Item] {
    arrays.slots.map {
      Outcome.Item(
        array: $0.first.source.place, shape: $0.first.source.shape, role: $0.role.rawValue,
        path: $0.path)
    }
  }

  /// Names of arrays that no rule is about.
  public var leftOver: [String] { arrays.leftOver.map(\.place) }

  /// Looks at every value, once.
  /// - Throws: `UsageError` or ``CheckpointError`` for the first thing that is wrong.
  public func checked() throws -> CheckedArrays {
    let shapes = try CaptureShapes(arrays)
    progress.begin("check")
    let values = try CaptureValues(arrays, shapes) {
      progress.update($0, of: $1, unit: "arrays")
    }
    progress.end("\(arrays.slots.count) arrays")
    let lens = try FinalNormCheck(arrays, shapes, values)
    let said = arrays.map.finalNorm
    guard said == .unknown || lens.verdict == .unknown || said == lens.verdict else {
      let state = arrays.states[shapes.layers]
      throw UsageError(
        "final_norm: \(said.rawValue): the logits say otherwise: they are linear in "
          + "\(state?.first.source.name ?? "the last state") \(lens.verdict == .applied ? "as it is" : "only once it is normalised"); "
          + "say final_norm: \(lens.verdict.rawValue)")
    }
    var form = NetworkForm()
    form.isCausal = values.isCausal
    form.finalNorm = (said == .unknown ? lens.verdict : said).rawValue
    let grid = try CaptureGrid(arrays, shapes)
    (form.classTokens, form.rows) = (grid.classTokens, grid.rows)
    return CheckedArrays(
      arrays: arrays, shapes: shapes, values: values, form: form, mapping: mapping,
      leftOver: leftOver, progress: progress)
  }
}

/// How positions lie: those in front of the grid, and its rows.
struct CaptureGrid {
  let classTokens: Int
  let rows: Int

  /// As the map says, or as the size of the images has it: the fewest positions in front with which square patches fill the rest.
  init(_ arrays: MappedArrays, _ shapes: CaptureShapes) throws {
    let positions = shapes.positions ?? 1
    var (front, rows) = (arrays.map.classTokens ?? 0, arrays.map.gridRows ?? 1)
    if let image = arrays.slot(.image), arrays.map.gridRows == nil {
      let (height, width) = (image.shape[2], image.shape[3])
      let fronts = arrays.map.classTokens.map { [$0] } ?? Array(0...min(8, positions - 1))
      search: for count in fronts {
        for patch in 1...min(height, width)
        where height % patch == 0 && width % patch == 0
          && (height / patch) * (width / patch) == positions - count
        {
          (front, rows) = (count, height / patch)
          break search
        }
      }
    }
    guard front < positions, (positions - front) % rows == 0 else {
      throw UsageError(
        "\(arrays.map.path ?? "--map"): class_tokens: \(front) and rows: \(rows) leave no grid of \(positions) positions"
      )
    }
    (classTokens, self.rows) = (front, rows)
  }
}
