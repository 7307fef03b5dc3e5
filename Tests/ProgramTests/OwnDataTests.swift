import Foundation
import Testing

/// Data sets that somebody else makes, by the lines of the notebook.
@Suite struct OwnDataTests {
  /// Makes the notebook's data sets in `folder`.
  static func makeSets(_ folder: String) throws {
    for script in try [material] + blocks() {
      let outcome = try Programs.run(
        Programs.root + "/.venv/bin/python", ["-c", script], in: folder)
      try #require(outcome.status == 0, "\(script): \(outcome.errors)")
    }
  }

  private func python(_ script: String, in folder: String) throws {
    let outcome = try Programs.run(
      Programs.root + "/.venv/bin/python", ["-c", script], in: folder)
    try #require(outcome.status == 0, "\(script): \(outcome.errors)")
  }

  /// The notebook's blocks of Python, in order.
  private static func blocks() throws -> [String] {
    let text = try String(
      contentsOfFile: Programs.root + "/notebooks-md/09-own-data.md", encoding: .utf8)
    return text.components(separatedBy: "```python\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
  }

  private static let material = """
    import numpy as np, pathlib
    r = np.random.default_rng(1)
    labels = np.arange(40) % 2
    images = r.integers(0, 200, (40, 8, 8)).astype("u1")
    np.save("images.npy", images)
    np.save("labels.npy", labels)
    np.savetxt("images.csv", np.c_[labels, images.reshape(40, -1)], "%d", ",")
    for name, word in ("warm", "sun "), ("cold", "ice "):
        pathlib.Path("texts", name).mkdir(parents=True)
        for i in range(20):
            pathlib.Path("texts", name, f"{i:02}.txt").write_text(word * (i % 5 + 1))
    """

  private static let sets = ["own-images.h5", "own-table.h5", "own-texts.h5"]

  @Test func `what the notebook makes can be trained on`() throws {
    try withScratch { folder in
      try Self.makeSets(folder)
      let check = try Programs.run(
        "isotherm-archive", ["check", "--for", "training"] + Self.sets, in: folder)
      #expect(check.status == 0, "\(check.output)\(check.errors)")
      #expect(
        check.output.contains(
          "own-images.h5: 40 images of 8 x 8 pixels in 2 classes, 32 to train on and 8 to test"))
      #expect(check.output.contains("own-texts.h5: 40 passages in 2 classes"))
      for set in Self.sets {
        let data =
          set.hasSuffix("texts.h5")
          ? ["data.modality=text", "data.tokenizer=bytes", "data.tokens=16"] : []
        let study = try SmallData.study(folder, text: set.hasSuffix("texts.h5"))
        let outcome = try Programs.run(
          "isotherm",
          ["train", study, "-o", "run", "--force"]
            + (["data.file=" + set, "capture.samples=4"] + data).flatMap { ["--set", $0] },
          in: folder)
        #expect(outcome.status == 0, "\(set): \(outcome.errors)")
      }
    }
  }

  @Test(arguments: [
    ("del f['samples/label']", "/samples/label: is missing"),
    ("del f['classes/name']", "/classes/name: is missing"),
    ("del f['samples/image']", "/samples: has neither image nor text"),
    ("del f.attrs['kind']", "/@kind: is not dataset"),
    ("del f.attrs['isotherm_layout']", "/@isotherm_layout: is not 1"),
    ("f['samples/split'][:] = 0", "/samples/split: has 40 samples to train on and 0 to test"),
    ("f['samples/label'][3] = 7", "/samples/label: has the class 7, and /classes/name names 2"),
    (
      "v = f['samples/image'][:]; del f['samples/image']; f['samples/image'] = v / 255",
      "/samples/image: is "
    ),
    (
      "del f['samples/split']; f['samples/split'] = np.zeros(39, 'u1')",
      "/samples/split: has 39 values for 40 samples"
    ),
  ])
  func `what is missing is said, with what to write`(change: String, said: String) throws {
    try withScratch { folder in
      try python(Self.material, in: folder)
      try python(try Self.blocks()[0], in: folder)
      try python(
        "import h5py, numpy as np\nwith h5py.File('own-images.h5', 'r+') as f:\n    " + change,
        in: folder)
      let check = try Programs.run(
        "isotherm-archive", ["check", "--for", "training", "own-images.h5"], in: folder)
      #expect(check.status == 1)
      #expect(check.output.contains("own-images.h5:" + said), "\(check.output)\(check.errors)")
      #expect(check.output.contains("cannot be trained on, 1 finding"), "\(check.output)")
    }
  }
}
