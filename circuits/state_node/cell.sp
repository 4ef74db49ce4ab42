* State node: PMOS diode that collects the output currents of a ladder's set cells.
* `out` is also the PMOS rail (sources a copy); n sinks one.
.subckt state_node out n vdd vss units=32
xd out out vdd vdd p_mirror units={units}
xf n out vdd vdd p_mirror units={units}
xfd n n vss vss n_mirror units={units}
.ends
