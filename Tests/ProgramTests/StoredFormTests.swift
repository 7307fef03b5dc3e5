import Foundation
import TestSupport
import Testing

/// Values of every stored form that HDF5 has, and those that nobody wrote: what h5py reads, or a refusal.
@Suite struct StoredFormTests {
  private let folder: String
  private let python = Programs.root + "/.venv/bin/python"
  private let script = Programs.root + "/Tests/ProgramTests/stored-forms.py"
  init() throws { folder = try Programs.scratch() }

  private func python(_ arguments: String...) throws -> Programs.Outcome {
    try Programs.run(python, arguments)
  }

  private func value(_ x: String, _ y: String) throws -> (
    status: Int32, value: Double?, text: String
  ) {
    let outcome = try Programs.run(
      "isotherm",
      [
        "inform", "--x", x, "--y", y, "--estimator", "gaussian", "--transform", "none",
        "--shuffles", "1",
        "--resamples", "1", "--json",
      ])
    let json = try? JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
    return (outcome.status, json?["value"] as? Double, outcome.errors)
  }

  /// Names of the datasets in the file of forms.
  private func names() throws -> [String] {
    let outcome = try python(
      "-c", "import h5py,sys; print('\\n'.join(n for n in h5py.File(sys.argv[1]) if n != 'y'))",
      folder + "/forms.h5")
    return outcome.output.split(separator: "\n").map(String.init)
  }

  @Test func `information of every stored form is that of the same values stored plainly`() throws {
    try #require(python(script, "make", folder).status == 0)
    var generator = SeededChoice(17)
    let all = try names()
    #expect(all.count > 300)
    // Each costs two processes: a drawn sample of them, and every type once in the layout the fast path reads.
    let drawn =
      all.shuffled(using: &generator).prefix(40) + all.filter { $0.hasSuffix("ours whole") }
    for name in drawn {
      let isShort = name.hasSuffix(" holes")
      let plain = folder + "/plain.h5:/"
      let found = try value(folder + "/forms.h5:/" + name, folder + "/forms.h5:/y")
      // The filter leaves chunks that it cannot make smaller as they are.
      if name.contains("lzf"), found.status != 0 {
        #expect(found.status == 1 && found.text.contains("lzf (number 32000)"), "\(name): \(found)")
        continue
      }
      if isShort {
        let outcome = try Programs.run(
          "isotherm",
          [
            "inform", "--x", folder + "/forms.h5:/" + name, "--y", folder + "/forms.h5:/y",
            "--estimator",
            "gaussian", "--shuffles", "1", "--resamples", "1",
          ])
        #expect(
          outcome.output.contains("never written"), "\(name): \(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("samples  154"), "\(name): \(outcome.output)")
        continue
      }
      guard !name.hasSuffix("filled-holes") else { continue }
      let expected = try value(plain + name, plain + "y")
      #expect(
        found.status == 0 && found.value == expected.value, "\(name): \(found) for \(expected)")
    }
  }

  @Test func `exports and rewritten archives hold every stored form as h5py reads it`() throws {
    try #require(python(script, "make", folder).status == 0)
    let trained = try Programs.run(
      "isotherm", ["train", Programs.study, "-o", folder + "/run.h5"] + Programs.small)
    try #require(trained.status == 0, "\(trained.errors)")
    try #require(python(script, "beside", folder + "/run.h5", folder).status == 0)
    let lzf = try Programs.run(
      "isotherm-archive",
      ["export", folder + "/run.h5", "--to", "npz", "--select", "/mine/*", "-o", folder + "/x.npz"])
    #expect(lzf.status == 1 && lzf.errors.contains("lzf (number 32000)"), "\(lzf.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder + "/x.npz"))
    let clean = try python(
      "-c",
      "import h5py,sys\nfor f,g in ((sys.argv[1],'mine'),(sys.argv[2],'/')):\n  f=h5py.File(f,'a')\n  for n in [n for n in f[g] if ' lzf ' in n]: del f[g][n]",
      folder + "/run.h5", folder + "/forms.h5")
    try #require(clean.status == 0, "\(clean.errors)")
    let export = try Programs.run(
      "isotherm-archive",
      ["export", folder + "/run.h5", "--to", "npz", "--select", "/mine/*", "-o", folder + "/x.npz"])
    #expect(export.status == 0, "\(export.errors)")
    let compared = try python(script, "compare", folder, folder + "/x.npz")
    #expect(compared.status == 0, "\(compared.output)\(compared.errors)")
    for options in [[], ["--compression", "gzip-3"], ["--for", "sample"]] {
      let repacked = try Programs.run(
        "isotherm-archive",
        ["repack", folder + "/run.h5", "-o", folder + "/again.h5", "--force"] + options)
      #expect(repacked.status == 0, "\(options): \(repacked.errors)")
      let same = try python(script, "compare", folder, folder + "/again.h5")
      #expect(same.status == 0, "\(options): \(same.output)\(same.errors)")
      let difference = try Programs.run(
        "isotherm-archive", ["diff", folder + "/run.h5", folder + "/again.h5"])
      #expect(difference.status == 0, "\(options): \(difference.output)\(difference.errors)")
    }
  }

  @Test func `a virtual dataset whose source is gone, short or unwritten is refused`() throws {
    let made = try python(
      "-c",
      """
      import h5py, numpy as np, os, sys
      os.chdir(sys.argv[1]); r = np.random.default_rng(0)
      def virtual(name, source, count=100, mapped=100, **more):
        layout = h5py.VirtualLayout((100,), 'f8')
        layout[:mapped] = h5py.VirtualSource(source, 'x', (mapped,))
        with h5py.File('v.h5', 'a') as f: f.create_virtual_dataset(name, layout, **more)
      with h5py.File('v.h5', 'w') as f: f['y'] = r.standard_normal(100)
      for name, count in (('whole', 100), ('short', 60), ('cut', 100)):
        with h5py.File(name + '.h5', 'w') as f: f['x'] = r.standard_normal(count)
      with h5py.File('unwritten.h5', 'w') as f: f.create_dataset('x', (100,), 'f8', chunks=(10,))
      os.truncate('cut.h5', 1500)
      for name in ('whole', 'short', 'cut', 'unwritten', 'gone'): virtual(name, name + '.h5')
      virtual('part', 'whole.h5', mapped=60)
      """, folder)
    try #require(made.status == 0, "\(made.errors)")
    let file = folder + "/v.h5:/"
    #expect(try value(file + "whole", file + "y").status == 0)
    for (name, word) in [
      ("gone", "gone.h5"), ("cut", "cut short"), ("short", "shape [60]"),
      ("unwritten", "never written"),
      ("part", "40 of its 100"),
    ] {
      let found = try value(file + name, file + "y")
      #expect(found.status == 1 && found.text.contains(word), "\(name): \(found)")
    }
  }

  @Test func `missing values that CF attributes mark are left out and counted`() throws {
    let made = try python(
      "-c",
      """
      import h5py, numpy as np, sys
      r = np.random.default_rng(0); z = r.standard_normal((1000, 2)); gone = np.arange(1000) % 10 == 0
      with h5py.File(sys.argv[1], 'w') as f:
        y = .9 * z[:, 0] + .19 ** .5 * z[:, 1]
        f['y'] = y; f['kept x'] = z[~gone, 0]; f['kept y'] = y[~gone]
        def put(name, values, stored, **attributes):
          f[name] = np.asarray(values).astype(stored)
          for key, value in attributes.items(): f[name].attrs[key] = value
        packed = np.round(1000 * z[:, 0]); f['kept packed'] = packed[~gone] / 1000
        for stored in ('<i2', '>i4', '<i8', '>f4', '<f8'):
          fill = np.array(-32767).astype(stored)
          for key in ('_FillValue', 'missing_value'):
            put(f'{key} {stored}', np.where(gone, -32767, packed), stored, **{key: fill, 'scale_factor': .001})
          put(f'valid_range {stored}', np.where(gone, 20000, packed), stored,
              valid_range=np.array([-9000, 9000]).astype(stored), scale_factor=.001)
          put(f'valid_max {stored}', np.where(gone, 20000, packed), stored,
              valid_max=np.array(9000).astype(stored), scale_factor=.001, add_offset=5.)
          put(f'text {stored}', np.where(gone, -32767, packed), stored, missing_value='-32767', scale_factor='0.001')
        put('words', packed, 'f8', missing_value='none at all')
      """, folder + "/cf.h5")
    try #require(made.status == 0, "\(made.errors)")
    let file = folder + "/cf.h5:/"
    let expected = try #require(value(file + "kept packed", file + "kept y").value)
    for stored in ["<i2", ">i4", "<i8", ">f4", "<f8"] {
      for name in ["_FillValue", "missing_value", "valid_range", "valid_max", "text"] {
        let found = try value(file + "\(name) \(stored)", file + "y")
        let difference = abs((found.value ?? .nan) - expected)
        #expect(
          found.status == 0 && difference < 1e-9, "\(name) \(stored): \(found) for \(expected)")
      }
    }
    let words = try Programs.run(
      "isotherm", ["inform", "--x", file + "words", "--y", file + "y", "--estimator", "gaussian"])
    #expect(words.status == 0 && words.output.contains("missing_value is the text «none at all»"))
  }
}
