import Console

extension StudyConfiguration {
  /// What is captured at every checkpoint.
  public struct Capture: Sendable {
    /// One request: the taps that match a pattern, on the first `samples` captured samples.
    public struct Request: Sendable {
      /// Pattern with `*`.
      public var pattern: String
      /// Samples.
      public var samples: Int
    }
    /// Requests; the first that matches a tap decides.
    public var requests: [Request] = []
    /// Held-out samples in all.
    public var samples = 256
    /// Steps between two checkpoints; 0 for an epoch.
    public var steps = 0
    /// How values are stored: float32, or one of the halves.
    public var type = "float32"

    init() { requests = Self.standard(256) }

    private static func standard(_ samples: Int) -> [Request] {
      ["residual.0.pre", "residual.*.post", "attention.*.map"].map {
        Request(pattern: $0, samples: samples)
      }
    }
  }
}

extension StudyConfiguration.Capture: ConfigurationSection {
  static let name = "capture"
  static let words = "what is captured at every checkpoint"
  private static let counted = ConfigurationField<Self>.integer(
    "samples", \.samples, 1...1_000_000, "held-out samples that are captured")

  static let fields: [ConfigurationField<Self>] = [
    ConfigurationField(
      "taps", allowed: "list of patterns with *, or {tap: PATTERN, samples: N}",
      "taps to capture; the first that matches decides how many samples",
      read: {
        // How many samples a request has by default stands in another key.
        try counted.read($0, &$1)
        $1.requests = try requests($0, $1.samples)
      },
      write: { capture in
        let items = capture.requests.map {
          "{tap: \(YAMLText.quoted($0.pattern)), samples: \($0.samples)}"
        }
        return "[\(items.joined(separator: ", "))]"
      }),
    counted,
    ConfigurationField(
      "every", allowed: "epoch, or a number of steps", "steps between two checkpoints",
      read: {
        let every = try $0.text("every", "epoch")
        guard let steps = every == "epoch" ? 0 : Int(every), steps >= 0, every != "0" else {
          throw UsageError("capture.every: expected epoch or a number of steps, found \(every)")
        }
        $1.steps = steps
      }, write: { $0.steps == 0 ? "epoch" : "\($0.steps)" }),
    .choice("type", \.type, ["float32", "float16", "bfloat16"], "how captured values are stored"),
  ]

  private static func requests(
    _ reader: ConfigurationReader, _ samples: Int
  ) throws -> [Request] {
    var requests: [Request] = []
    for item in try reader.items("taps") ?? [] {
      if let pattern = item.text {
        requests.append(.init(pattern: pattern, samples: samples))
      } else if let reader = item.reader {
        requests.append(
          .init(
            pattern: try reader.text("tap", nil),
            samples: try reader.integer("samples", samples, 1...samples)))
        try reader.finish()
      }
    }
    return requests.isEmpty ? standard(samples) : requests
  }
}
