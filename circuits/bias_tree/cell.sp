* Bias tree: one reference current into the NMOS rail, its PMOS rail, and the gate voltage of the
* signed nodes' splitters, whose quiescent current is that of two unit devices. The gates of their
* PMOS are at ground: one threshold less in the stack, so that the cold has room for it.
.subckt bias_tree n p q_n vdd vss units=64
xd n n vss vss n_mirror units={units}
xf p n vss vss n_mirror units={units}
xfd p p vdd vdd p_mirror units={units}
xq0 q_n p vdd vdd p_mirror units=2
xq1 q_n q_n q_m vss n_mirror
xq2 vss vss q_m vdd p_split
.ends
