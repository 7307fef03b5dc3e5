extension FigurePainter {
  /// A panel, its inner area, and how its titles are set.
  struct Place {
    let panel: Panel
    let inner: Rectangle
    let style: PanelPainter.TitleStyle
    /// Room that the inner area was fitted into.
    let room: (width: Double, height: Double)
  }

  /// Finds the inner area of every panel: columns share their left and right insets, rows their top and bottom ones,
  /// so that facets line up. Titles that do not fit on a line get two; those of maps that are lower than their title is long stand
  /// beside them.
  func layout(_ section: Figure.Section, in area: Rectangle) -> [Place] {
    var styles = section.rows.map { _ in PanelPainter.TitleStyle() }
    var places = layout(section, in: area, styles)
    for _ in 0..<2 {
      let better = self.styles(section, places, styles)
      if better == styles { break }
      styles = better
      places = layout(section, in: area, styles)
    }
    return places
  }

  private func styles(
    _ section: Figure.Section, _ places: [Place], _ before: [PanelPainter.TitleStyle]
  ) -> [PanelPainter.TitleStyle] {
    var (styles, start) = (before, 0)
    for (row, panels) in section.rows.enumerated() {
      for place in places[start..<start + panels.count] {
        // A little smaller is better than two lines, much smaller is not.
        func isLong(_ title: String, _ size: Double, _ room: Double) -> Bool {
          canvas.width(title, size: size * 0.85) > room
        }
        let (panel, inner) = (place.panel, place.inner)
        if isLong(panel.title, size * 1.1, inner.width + size) { styles[row].lines = 2 }
        if isLong(panel.x.title, size, inner.width + size) { styles[row].acrossLines = 2 }
        if isLong(panel.y.title, size, inner.height + size * 0.4) { styles[row].upLines = 2 }
        let beside = canvas.width(place.panel.y.title, size: size * 0.7)
        if place.panel.y.ticks?.isEmpty ?? false, beside > place.inner.height + size * 0.4 {
          styles[row].isBeside = true
        }
      }
      start += panels.count
    }
    // Rows are alike: their titles stand all beside them, or none does.
    if styles.contains(where: \.isBeside) {
      for row in styles.indices { styles[row].isBeside = true }
    }
    return styles
  }

  private func layout(
    _ section: Figure.Section, in area: Rectangle, _ styles: [PanelPainter.TitleStyle]
  ) -> [Place] {
    let rows = section.rows.count
    let columns = section.rows.map(\.count).max() ?? 0
    guard rows > 0, columns > 0 else { return [] }
    let (gapX, gapY) = (size * 0.9, size * 0.9)
    let cellWidth = (area.width - gapX * Double(columns - 1)) / Double(columns)
    let cellHeight = (area.height - gapY * Double(rows - 1)) / Double(rows)
    var (tops, bottoms) = ([Double](repeating: 0, count: rows), [Double](repeating: 0, count: rows))
    var lefts = [Double](repeating: 0, count: columns)
    var rights = [Double](repeating: 0, count: columns)
    for (row, panels) in section.rows.enumerated() {
      for (column, panel) in panels.enumerated() {
        let insets = PanelPainter(
          panel: panel, theme: theme, fontSize: size, style: styles[row]
        ).insets(canvas, width: cellWidth * 0.8, height: cellHeight * 0.75)
        tops[row] = max(tops[row], insets.top)
        bottoms[row] = max(bottoms[row], insets.bottom)
        lefts[column] = max(lefts[column], insets.left)
        rights[column] = max(rights[column], insets.right)
      }
    }
    let innerWidth =
      (area.width - lefts.reduce(0, +) - rights.reduce(0, +) - gapX * Double(columns - 1))
      / Double(columns)
    let innerHeight =
      (area.height - tops.reduce(0, +) - bottoms.reduce(0, +) - gapY * Double(rows - 1))
      / Double(rows)
    var places: [Place] = []
    var y = area.y
    for (row, panels) in section.rows.enumerated() {
      y += tops[row]
      var x = area.x
      for (column, panel) in panels.enumerated() {
        x += lefts[column]
        places.append(
          Place(
            panel: panel, inner: fit(panel, x: x, y: y, width: innerWidth, height: innerHeight),
            style: styles[row], room: (innerWidth, innerHeight)))
        x += innerWidth + rights[column] + gapX
      }
      y += innerHeight + bottoms[row] + gapY
    }
    return places
  }

  /// The inner area with the panel's aspect, centred in the space there is.
  private func fit(
    _ panel: Panel, x: Double, y: Double, width: Double, height: Double
  ) -> Rectangle {
    guard let aspect = panel.aspect else {
      return Rectangle(x: x, y: y, width: max(width, 1), height: max(height, 1))
    }
    let fitWidth = max(min(width, height * aspect), 1)
    let fitHeight = fitWidth / aspect
    return Rectangle(
      x: x + (width - fitWidth) / 2, y: y + (height - fitHeight) / 2, width: fitWidth,
      height: fitHeight)
  }

  /// The section with fewer panels beside each other where they would be narrower than their tick labels or titles need. A list is
  /// wrapped anew; rows that mean something are broken into equal parts, so that panels stay in columns.
  func reflowed(_ section: Figure.Section) -> Figure.Section {
    var section = section
    let bar = section.colorBar.map { colorBarWidth($0, height: figure.height / 3) } ?? 0
    let before = Double(section.rows.count)
    let area = Rectangle(
      x: 0, y: 0, width: figure.width - 2 * margin - bar,
      height: figure.height / Double(max(figure.sections.count, 1)))
    while let most = section.rows.map(\.count).max(), most > 1,
      layout(section, in: area).contains(where: { isNarrow($0, section.isList) })
    {
      let across =
        (1..<most).reversed().first { across in
          // A last row that is not full is seen as one where there are several full ones.
          let count = section.rows.joined().count
          return section.isList
            ? count > 4 || count % across == 0
            : section.rows.allSatisfy { $0.count % across == 0 }
        } ?? 1
      section.rows =
        section.isList
        ? Figure.Section.wrapped(Array(section.rows.joined()), across)
        : section.rows.flatMap { Figure.Section.wrapped($0, across) }
    }
    section.weight *= Double(section.rows.count) / max(before, 1)
    return section
  }

  private func isNarrow(_ place: Place, _ isList: Bool) -> Bool {
    let panel = place.panel
    let hasTicks = !(panel.x.ticks?.isEmpty ?? false)
    // A grid of maps is one picture.
    guard hasTicks || isList else { return false }
    // Titles are cut short when two lines of the smallest size do not hold them.
    return place.room.width < (hasTicks ? 6 : 5) * size
      || [(panel.title, size * 1.1), (panel.x.title, size)].contains { title, size in
        canvas.lines(title, size: size * 0.7).contains {
          canvas.width($0, size: size * 0.7) > place.room.width
        }
      }
  }

  /// Notes a panel that is too small for anything to be seen in it.
  func check(_ place: Place) {
    let (width, height) = place.room
    let isMap = place.panel.aspect != nil
    let needed = (width: isMap ? 0.75 * size : 4 * size, height: isMap ? 0.75 * size : 3 * size)
    let (inner, name) = (place.inner, place.panel.title.isEmpty ? "" : " «\(place.panel.title)»")
    if width < needed.width || inner.width < needed.width {
      canvas.faults.append("the panel\(name) would be too narrow")
    } else if height < needed.height || inner.height < needed.height {
      canvas.faults.append("the panel\(name) would be too low")
    } else if !isMap, height < wantedHeight * min(max(width, 16 * size), 40 * size) {
      canvas.faults.append("the panel\(name) would be flat")
    }
  }

  /// What is wrong with the layout on the canvas, in words; nil for nothing. Boxes may share `slack` points.
  func fault(slack: Double) -> String? {
    if let fault = canvas.faults.first { return fault }
    let page = Rectangle(
      x: -slack, y: -slack, width: figure.width + 2 * slack, height: figure.height + 2 * slack)
    for (index, item) in canvas.texts.enumerated() {
      if !page.contains(item.box) { return "«\(item.text)» would leave the page" }
      for other in canvas.texts[(index + 1)...] where item.box.overlaps(other.box, slack: slack) {
        return "«\(item.text)» and «\(other.text)» would overlap"
      }
      guard !canvas.insideTexts.contains(index) else { continue }
      if canvas.panels.contains(where: { $0.overlaps(item.box, slack: 2 * slack) }) {
        return "«\(item.text)» would lie over a panel"
      }
    }
    return nil
  }
}
