% Opens an archive with Octave's netcdf package; prints names, axes, shapes (Octave reverses the axes) and sums.
% Its ncinfo stops at any text attribute of variable length (seen with 1.0.16), so the plain interface is used.
1;
pkg load netcdf
function visit(netcdf, id, place)
  for variable = netcdf.inqVarIDs(id)
    [name, type, dimensions] = netcdf.inqVar(id, variable);
    if ! any(type == [netcdf.getConstant("NC_FLOAT"), netcdf.getConstant("NC_DOUBLE")]) || isempty(dimensions)
      continue
    end
    values = double(netcdf.getVar(id, variable));
    names = lengths = {};
    for d = fliplr(dimensions)
      [names{end + 1}, length] = netcdf.inqDim(id, d);
      lengths{end + 1} = num2str(length);
    end
    printf("%s%s\t%s\t%s\t%.9e\n", place, name, strjoin(lengths, ","), strjoin(names, ","), sum(values(:)));
  end
  for group = netcdf.inqGrps(id)
    visit(netcdf, group, [place netcdf.inqGrpName(group) "/"]);
  end
end
import_netcdf
id = netcdf.open(argv(){1}, netcdf.getConstant("NC_NOWRITE"));
visit(netcdf, id, "");
