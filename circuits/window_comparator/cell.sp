* Window comparator: a step control whose threshold comes from the input, beta = sqrt(b^2 + 4 i_q^2).
* At u a copy of the candidate's plus rail sinks; a copy of its minus rail and copies of both rails of
* the threshold's node source: c = i_plus - i_minus against b_plus + b_minus, and at d upside down.
* The candidate's rails are c_*, those of the threshold b_*. step_gate is step_control's.
.subckt window_comparator c_n_plus c_p_minus b_n_plus b_p_plus b_n_minus b_p_minus st stb
+ gs gr vdd vss units=32 up_opposite=32 up_plus=64 up_minus=64 down_opposite=32 down_plus=64
+ down_minus=64
xu1 u b_p_plus vdd vdd p_mirror units={up_plus}
xu3 u b_p_minus vdd vdd p_mirror units={up_minus}
xu4 u c_p_minus vdd vdd p_mirror units={up_opposite}
xu2 u c_n_plus vss vss n_mirror units={units}
xd1 d c_p_minus vdd vdd p_mirror units={units}
xd2 d b_n_plus vss vss n_mirror units={down_plus}
xd3 d b_n_minus vss vss n_mirror units={down_minus}
xd4 d c_n_plus vss vss n_mirror units={down_opposite}
xgate u d st stb gs gr vdd vss step_gate
.ends
