* Hysteretic cell: the nine-transistor comparator, one bit that no clock drives. M1 copies the
* input's PMOS rail p into node v; M4 is the diode of the state node that out leads to.
* A cell with a signed input gets the copy of its minus rail at v from outside.
* rn high forces v low, rp low forces v high: the power-up reset, beside the nine.
.subckt hysteretic_cell p v n rn rp out vdd vss units=32 hold=64 width=32 gain=64
xm1 v p vdd vdd p_mirror units={units}
xm2 v n vss vss n_mirror units={hold}
xm6 fb v s6 vss n_cell
xm8 s6 n vss vss n_mirror units={width}
xm7 fb fb vdd vdd p_cell
xm9 v fb vdd vdd p_cell
xm3 out v s3 vss n_cell
xm5 s3 n vss vss n_mirror units={gain}
xn v rn vss vss n_switch
xp v rp vdd vdd p_switch
.ends
