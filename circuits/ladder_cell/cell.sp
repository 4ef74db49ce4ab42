* Ladder cell: hysteretic comparator (v) with an output leg, a held copy (h) and set and reset paths.
* hp and hn are the held states of the cell below and above in the thermometer code. hd and st are
* the layer's two phases, hdb and stb their complements: h follows v while hd is low and holds while
* it is high; the paths are clamped while st is low.
* Set: ks falls where hp is high and gs low. Reset is its mirror: gk rises where hn is low and gr high.
* h has no channel on v but its own two switches.
* rn high forces v low, rp low forces v high: the power-up reset.
* One unit of xm9 is enough, and two are too many: fb would slew too slowly in the cold, and hold
* empties v before the pair wakes.
.subckt ladder_cell v h hp hn gs gr hd hdb st stb rn rp out n vdd vss hold=16 width=32 gain=32
xm2 v n vss vss n_mirror units={hold}
xm6 fb v s6 vss n_cell
xm8 s6 n vss vss n_mirror units={width}
xm7 fb fb vdd vdd p_cell
xm9 v fb vdd vdd p_cell
xm3 out v s3 vss n_cell
xm5 s3 n vss vss n_mirror units={gain}
xhn h hdb v vss n_switch
xhp h hd v vdd p_switch
xs1 ks hp gs vss n_switch
xs2 ks st vdd vdd p_switch
xs3 v ks vdd vdd p_guard
xr1 gk hn gr vdd p_switch
xr2 gk stb vss vss n_switch
xr3 v gk vss vss n_guard
xn v rn vss vss n_guard
xp v rp vdd vdd p_guard
xc v vss c_state
.ends
