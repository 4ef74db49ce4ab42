* Rectifying node: a diode passes only current that flows in, so the copies carry max(i_in, 0).
* `in` is also the NMOS rail (sinks a copy); p sources one.
.subckt relu_node in p vdd vss units=32
xd in in vss vss n_mirror units={units}
xf p in vss vss n_mirror units={units}
xfd p p vdd vdd p_mirror units={units}
.ends
