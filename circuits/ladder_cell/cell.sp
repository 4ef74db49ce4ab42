* Ladder cell: hysteretic comparator (v) with an output leg, a hold (h) and set and reset switches.
* hp and hn are the held states of the cell below and above in the thermometer code.
* rn high forces v low, rp low forces v high: the power-up reset.
.subckt ladder_cell v h hp hn gs gr phi phib rn rp out n vdd vss hold=20 width=32 gain=32
xm2 v n vss vss n_mirror units={hold}
xm6 fb v s6 vss n_cell
xm8 s6 n vss vss n_mirror units={width}
xm7 fb fb vdd vdd p_cell
xm9 v fb vdd vdd p_cell
xm3 out v s3 vss n_cell
xm5 s3 n vss vss n_mirror units={gain}
xhn h phib v vss n_switch
xhp h phi v vdd p_switch
xs1 s1 gs vdd vdd p_switch
xs2 s1 hp v vss n_switch
xr1 gk hn gr vdd p_switch
xr2 gk phib vss vss n_switch
xr3 v gk vss vss n_switch
xn v rn vss vss n_switch
xp v rp vdd vdd p_switch
xc v vss c_state
.ends
