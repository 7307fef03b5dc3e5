import Foundation
import Testing

/// Figures of several archives of one run.
@Suite struct OverviewTests {
  private func plot(_ arguments: [String], in folder: String) throws -> Programs.Outcome {
    try Programs.run("isotherm-plot", arguments, in: folder)
  }

  @Test func `an overview is drawn again from all that it shows`() throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let drawn = try plot(
        ["overview", "run.h5", "fields.h5", "flow.h5", "-o", "o.png", "--dpi", "60"], in: folder)
      try #require(drawn.status == 0, "\(drawn.errors)")
      let shown = try plot(["show", "o.png"], in: folder)
      for text in [
        "run.h5 run_id=", "flow.h5 run_id=", "/progress/accuracy sha256=",
        "metrics:/metrics/flow/drift sha256=", "Attention that each patch",
      ] {
        #expect(shown.output.contains(text), "\(text): \(shown.output)")
      }
      let same = try plot(["verify", "o.png"], in: folder)
      #expect(same.status == 0, "\(same.output)\(same.errors)")
      // The run alone has answers and maps.
      let alone = try plot(["overview", "run.h5", "-o", "a.png", "--dpi", "60"], in: folder)
      #expect(alone.status == 0, "\(alone.errors)")
    }
  }

  @Test func `attention lies on the input of the sample, head and query that were asked for`()
    throws
  {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let drawn = try plot(
        ["attention-input", "run.h5", "--head", "1.0", "--head", "0.1", "--head", "0.0"]
          + ["--sample", "3", "--query", "8", "-o", "a.png", "--dpi", "60"], in: folder)
      try #require(drawn.status == 0, "\(drawn.errors)")
      let shown = try plot(["show", "a.png"], in: folder)
      #expect(shown.output.contains("held-out sample 3 gets, by query 8"), "\(shown.output)")
      for (arguments, words) in [
        (["--head", "9.0"], "--head 9.0: run.h5 has maps of the layers 0, 1 with heads 0 to 1"),
        (["--sample", "99"], "holds samples 0 to"), (["--query", "99"], "there are queries 0 to"),
        (["--model", "x"], "takes the fields of the run"),
      ] {
        let refused = try plot(
          ["attention-input", "run.h5", "-o", "n.png"] + arguments, in: folder)
        #expect(refused.status == 2 && refused.errors.contains(words), "\(refused.errors)")
      }
    }
  }

  @Test func `tokens are shown by their words`() throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let trained = try Programs.run(
        "isotherm",
        ["train", Programs.root + "/data/studies/austen-novels.yaml", "-o", "text"]
          + [
            "data.vocabulary=300", "data.tokens=24", "model.width=16", "model.layers=2",
            "model.heads=2", "model.mlp=32", "training.epochs=1", "training.batch=64",
            "capture.samples=8", "capture.taps=[residual.0.pre, residual.*.post, attention.*.map]",
          ].flatMap { ["--set", $0] }, in: folder)
      try #require(trained.status == 0, "\(trained.errors)")
      let drawn = try plot(["attention-input", "text.h5", "-o", "t.svg"], in: folder)
      #expect(drawn.status == 0, "\(drawn.errors)")
      let shown = try plot(["attention-input", "text.h5", "-o", "t.png"], in: folder)
      #expect(shown.status == 0, "\(shown.errors)")
      let told = try plot(["show", "t.png"], in: folder)
      #expect(told.output.contains("Attention that each token"), "\(told.output)")
    }
  }
}
