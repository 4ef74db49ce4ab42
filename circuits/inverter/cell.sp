* Inverter of the phase and reset drivers; its input edges are the bench's, so it is never slow.
.subckt inverter a y vdd vss
xn y a vss vss n_logic
xp y a vdd vdd p_logic
.ends
