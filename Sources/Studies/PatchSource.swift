import Corpora
import Transformer

/// The images of a data set as a trainer's samples.
struct PatchSource: SampleSource {
  let images: ImageSet
  let grid: PatchGrid

  var count: Int { images.labels.count }

  func write(_ index: Int, to input: UnsafeMutablePointer<Float>) {
    grid.write(index, of: images, to: input)
  }

  func label(_ index: Int) -> Int32 { images.labels[index] }
}
