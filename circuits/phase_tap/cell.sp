* Phase tap: the complements of a layer's two lines, made in each unit. It halves the lines' charge,
* and a complement cannot lag its line by more than one local inverter.
.subckt phase_tap hd hdb st stb vdd vss
xh hd hdb vdd vss inverter
xs st stb vdd vss inverter
.ends
