import Arrays
import Testing

@Suite struct NDArrayTests {
  @Test func `elements lie in C order`() {
    let array = NDArray(shape: [2, 3], elements: [0, 1, 2, 3, 4, 5])
    #expect(array[1, 0] == 3)
    #expect(array.row(1).elements == [3, 4, 5])
    #expect(array.reshaped([3, 2])[2, 1] == 5)
  }

  @Test func `element types know their size`() {
    #expect(ElementType.float32.byteCount == 4)
    #expect(ElementType.utf8.byteCount == nil)
    #expect(Int64.elementType == .int64)
  }
}
