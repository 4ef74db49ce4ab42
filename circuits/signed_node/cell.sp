* Signed node: the current that flows into `in` leaves on two rails.
* Class AB: i_plus - i_minus = i_in (Kirchhoff), i_plus * i_minus = i_q^2 (translinear loop).
* Rail gates: n_plus and n_minus sink a copy, p_plus and p_minus source one.
.subckt signed_split in n_plus p_minus q_n vdd vss units=32 split=1
xsn p_minus q_n in vss n_mirror units={split}
xsp n_plus vss in vdd p_split units={split}
xdn n_plus n_plus vss vss n_mirror units={units}
xdp p_minus p_minus vdd vdd p_mirror units={units}
.ends
.subckt signed_node in n_plus p_plus n_minus p_minus q_n vdd vss units=32
xsplit in n_plus p_minus q_n vdd vss signed_split units={units} split=1
xfn p_plus n_plus vss vss n_mirror units={units}
xfnd p_plus p_plus vdd vdd p_mirror units={units}
xfp n_minus p_minus vdd vdd p_mirror units={units}
xfpd n_minus n_minus vss vss n_mirror units={units}
.ends
