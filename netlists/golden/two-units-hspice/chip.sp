* mru_hw 0.1.0 chip, design bcd6e082c18cf716
* technology generic180, models a19e87514984f1fe
* made by mru-hw netlist; nothing here is ideal: process devices and capacitors only
* Device classes of generic180, made from technology.yaml
.subckt n_mirror d g s b units=1
m0 d g s b nch w=5e-07 l=4e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_mirror
.subckt p_mirror d g s b units=1
m0 d g s b pch w=5e-07 l=4e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends p_mirror
.subckt n_cell d g s b units=1
m0 d g s b nch w=5e-07 l=2e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_cell
.subckt p_cell d g s b units=1
m0 d g s b pch w=1e-06 l=4e-06 ad=4.8e-13 as=4.8e-13 pd=2.96e-06 ps=2.96e-06 m='units'
.ends p_cell
.subckt n_switch d g s b units=1
m0 d g s b nch w=4.2e-07 l=3.5e-07 ad=2.016e-13 as=2.016e-13 pd=1.8e-06 ps=1.8e-06 m='units'
.ends n_switch
.subckt p_switch d g s b units=1
m0 d g s b pch w=4.2e-07 l=3.5e-07 ad=2.016e-13 as=2.016e-13 pd=1.8e-06 ps=1.8e-06 m='units'
.ends p_switch
.subckt n_logic d g s b units=1
m0 d g s b nch w=5e-07 l=5e-07 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_logic
.subckt p_logic d g s b units=1
m0 d g s b pch w=1e-06 l=5e-07 ad=4.8e-13 as=4.8e-13 pd=2.96e-06 ps=2.96e-06 m='units'
.ends p_logic
.subckt c_state a b
c0 a b mim w=4.5e-06 l=4.5e-06
.ends c_state
* Signed node: the current that flows into `in` leaves on two rails.
* Class AB: i_plus - i_minus = i_in (Kirchhoff), i_plus * i_minus = i_q^2 (translinear loop).
* Rail gates: n_plus and n_minus sink a copy, p_plus and p_minus source one.
.subckt signed_split in n_plus p_minus q_n q_p vdd vss units=32 split=1
xsn p_minus q_n in vss n_mirror units='split'
xsp n_plus q_p in vdd p_mirror units='split'
xdn n_plus n_plus vss vss n_mirror units='units'
xdp p_minus p_minus vdd vdd p_mirror units='units'
.ends signed_split
.subckt signed_node in n_plus p_plus n_minus p_minus q_n q_p vdd vss units=32
xsplit in n_plus p_minus q_n q_p vdd vss signed_split units='units' split=1
xfn p_plus n_plus vss vss n_mirror units='units'
xfnd p_plus p_plus vdd vdd p_mirror units='units'
xfp n_minus p_minus vdd vdd p_mirror units='units'
xfpd n_minus n_minus vss vss n_mirror units='units'
.ends signed_node
* Rectifying node: a diode passes only current that flows in, so the copies carry max(i_in, 0).
* `in` is also the NMOS rail (sinks a copy); p sources one.
.subckt relu_node in p vdd vss units=32
xd in in vss vss n_mirror units='units'
xf p in vss vss n_mirror units='units'
xfd p p vdd vdd p_mirror units='units'
.ends relu_node
* State node: PMOS diode that collects the output currents of a ladder's set cells.
* `out` is also the PMOS rail (sources a copy); n sinks one.
.subckt state_node out n vdd vss units=32
xd out out vdd vdd p_mirror units='units'
xf n out vdd vdd p_mirror units='units'
xfd n n vss vss n_mirror units='units'
.ends state_node
* Bias tree: one reference current into the NMOS rail, its PMOS rail, and the gate voltages of
* the signed nodes' splitters, whose quiescent current is that of two unit devices.
.subckt bias_tree n p q_n q_p vdd vss units=64
xd n n vss vss n_mirror units='units'
xf p n vss vss n_mirror units='units'
xfd p p vdd vdd p_mirror units='units'
xq0 q_n p vdd vdd p_mirror units=2
xq1 q_n q_n q_m vss n_mirror
xq2 q_p q_p q_m vdd p_mirror
xq3 q_p q_p vss vss n_mirror
.ends bias_tree
* Step control: compares a candidate with +beta and -beta and strobes its ladder.
* u is low where i_plus > i_beta, d is high where i_minus > i_beta. During phi a starved dynamic
* gate lowers gs (set) or raises gr (reset); its slow edge is what keeps the hold ahead of the step.
* The decision stands next to gs and gr, the phase behind it: a stack in the other order leaves its
* middle node where an earlier candidate put it, and the phase shares that charge with gs or gr.
.subckt step_gate u d n p phi phib gs gr vdd vss tail=32
xs0 gs phi vdd vdd p_logic
xs1 s1 u gs vdd p_logic
xs2 s2 phib s1 vdd p_logic
xs3 s2 n vss vss n_mirror units='tail'
xr0 gr phib vss vss n_logic
xr1 gr d r1 vss n_logic
xr2 r1 phi r2 vss n_logic
xr3 r2 p vdd vdd p_mirror units='tail'
.ends step_gate
.subckt step_control n_plus p_minus n p phi phib gs gr vdd vss units=32 up=64 down=64
+ tail=32
xu1 u p vdd vdd p_mirror units='up'
xu2 u n_plus vss vss n_mirror units='units'
xd1 d p_minus vdd vdd p_mirror units='units'
xd2 d n vss vss n_mirror units='down'
xgate u d n p phi phib gs gr vdd vss step_gate tail='tail'
.ends step_control
* Ladder cell: hysteretic comparator (v) with an output leg, a hold (h) and set and reset switches.
* hp and hn are the held states of the cell below and above in the thermometer code.
* rn high forces v low, rp low forces v high: the power-up reset.
.subckt ladder_cell v h hp hn gs gr phi phib rn rp out n vdd vss hold=20 width=32 gain=32
xm2 v n vss vss n_mirror units='hold'
xm6 fb v s6 vss n_cell
xm8 s6 n vss vss n_mirror units='width'
xm7 fb fb vdd vdd p_cell
xm9 v fb vdd vdd p_cell
xm3 out v s3 vss n_cell
xm5 s3 n vss vss n_mirror units='gain'
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
.ends ladder_cell
* Inverter of the phase and reset drivers; its input edges are the bench's, so it is never slow.
.subckt inverter a y vdd vss
xn y a vss vss n_logic
xp y a vdd vdd p_logic
.ends inverter
.subckt cmru_unit_k2_s0 n_plus p_minus out n p phi phib rst rst_b vdd vss units=32 up=64
+ down=64 tail=32 hold=20 width=32 gain=32
xstep n_plus p_minus n p phi phib gs gr vdd vss step_control units='units' up='up'
+ down='down' tail='tail'
xc1 v1 h1 vdd h2 gs gr phi phib vss rst_b out n vdd vss ladder_cell hold='hold'
+ width='width' gain='gain'
xc2 v2 h2 h1 h3 gs gr phi phib vss rst_b out n vdd vss ladder_cell hold='hold' width='width'
+ gain='gain'
xc3 v3 h3 h2 h4 gs gr phi phib rst vdd out n vdd vss ladder_cell hold='hold' width='width'
+ gain='gain'
xc4 v4 h4 h3 vss gs gr phi phib rst vdd out n vdd vss ladder_cell hold='hold' width='width'
+ gain='gain'
.ends cmru_unit_k2_s0
.subckt cmru_unit_k2_s1 n_plus p_minus out n p phi phib rst rst_b vdd vss units=32 up=64
+ down=64 tail=32 hold=20 width=32 gain=32
xstep n_plus p_minus n p phi phib gs gr vdd vss step_control units='units' up='up'
+ down='down' tail='tail'
xc1 v1 h1 vdd h2 gs gr phi phib vss rst_b out n vdd vss ladder_cell hold='hold'
+ width='width' gain='gain'
xc2 v2 h2 h1 h3 gs gr phi phib vss rst_b out n vdd vss ladder_cell hold='hold' width='width'
+ gain='gain'
xc3 v3 h3 h2 h4 gs gr phi phib vss rst_b out n vdd vss ladder_cell hold='hold' width='width'
+ gain='gain'
xc4 v4 h4 h3 vss gs gr phi phib rst vdd out n vdd vss ladder_cell hold='hold' width='width'
+ gain='gain'
.ends cmru_unit_k2_s1
.subckt mru_chip x0 x1 y0 y1 phi0 rst iref vdd_mirror vdd_memory vdd_clock vdd_bias vss
xbias iref bias_p q_n q_p vdd_bias vss bias_tree units=64
xx_0 x0 x_0_np x_0_pp x_0_nm x_0_pm q_n q_p vdd_mirror vss signed_node units=64
xx_1 x1 x_1_np x_1_pp x_1_nm x_1_pm q_n q_p vdd_mirror vss signed_node units=64
xv0_0 v0_0 v0_0_p vdd_mirror vss relu_node units=16
xv0_1 v0_1 v0_1_p vdd_mirror vss relu_node units=16
xv0_2 v0_2 v0_2_p vdd_mirror vss relu_node units=16
xc0_0 c0_0 c0_0_np c0_0_pm q_n q_p vdd_mirror vss signed_split units=32 split=4
xc0_1 c0_1 c0_1_np c0_1_pm q_n q_p vdd_mirror vss signed_split units=32 split=4
xh0_0 h0_0 h0_0_n vdd_mirror vss state_node units=64
xh0_1 h0_1 h0_1_n vdd_mirror vss state_node units=64
xv1_0 v1_0 v1_0_p vdd_mirror vss relu_node units=128
xv1_1 v1_1 v1_1_p vdd_mirror vss relu_node units=128
xv1_2 v1_2 v1_2_p vdd_mirror vss relu_node units=128
xw0a_0_0 v0_0 x_0_pp vdd_mirror vdd_mirror p_mirror units=58
xw0a_1_0 v0_1 x_0_pp vdd_mirror vdd_mirror p_mirror units=12
xw0b_0_1 v0_0 x_1_np vss vss n_mirror units=87
xw0b_1_1 v0_1 x_1_np vss vss n_mirror units=19
xw0b_2_0 v0_2 x_0_np vss vss n_mirror units=15
xw0b_2_1 v0_2 x_1_np vss vss n_mirror units=7
xw0c_0_0 v0_0 x_0_nm vss vss n_mirror units=63
xw0c_1_0 v0_1 x_0_nm vss vss n_mirror units=13
xw0d_0_1 v0_0 x_1_pm vdd_mirror vdd_mirror p_mirror units=80
xw0d_1_1 v0_1 x_1_pm vdd_mirror vdd_mirror p_mirror units=18
xw0d_2_0 v0_2 x_0_pm vdd_mirror vdd_mirror p_mirror units=14
xw0d_2_1 v0_2 x_1_pm vdd_mirror vdd_mirror p_mirror units=7
xw1a_0_0 c0_0 v0_0_p vdd_mirror vdd_mirror p_mirror units=86
xw1a_0_1 c0_0 v0_1_p vdd_mirror vdd_mirror p_mirror units=6
xw1b_0_2 c0_0 v0_2 vss vss n_mirror units=10
xw1b_1_0 c0_1 v0_0 vss vss n_mirror units=8
xw1b_1_1 c0_1 v0_1 vss vss n_mirror units=19
xw1b_1_2 c0_1 v0_2 vss vss n_mirror units=30
xw2a_1_0 v1_1 h0_0 vdd_mirror vdd_mirror p_mirror units=31
xw2a_1_1 v1_1 h0_1 vdd_mirror vdd_mirror p_mirror units=111
xw2b_0_0 v1_0 h0_0_n vss vss n_mirror units=29
xw2b_0_1 v1_0 h0_1_n vss vss n_mirror units=10
xw2b_2_0 v1_2 h0_0_n vss vss n_mirror units=15
xw2b_2_1 v1_2 h0_1_n vss vss n_mirror units=14
xw3a_0_0 y0 v1_0_p vdd_mirror vdd_mirror p_mirror units=29
xw3a_0_1 y0 v1_1_p vdd_mirror vdd_mirror p_mirror units=19
xw3a_0_2 y0 v1_2_p vdd_mirror vdd_mirror p_mirror units=3
xw3a_1_0 y1 v1_0_p vdd_mirror vdd_mirror p_mirror units=22
xw3a_1_2 y1 v1_2_p vdd_mirror vdd_mirror p_mirror units=34
xw3b_1_1 y1 v1_1 vss vss n_mirror units=104
xw4b_0_0 v0_0 iref vss vss n_mirror units=69
xw4b_1_0 v0_1 iref vss vss n_mirror units=8
xw4b_2_0 v0_2 iref vss vss n_mirror units=30
xw5a_1_0 c0_1 bias_p vdd_bias vdd_bias p_mirror units=26
xw5b_0_0 c0_0 iref vss vss n_mirror units=24
xw6a_0_0 v1_0 bias_p vdd_bias vdd_bias p_mirror units=80
xw6a_2_0 v1_2 bias_p vdd_bias vdd_bias p_mirror units=12
xw6b_1_0 v1_1 iref vss vss n_mirror units=214
xw7b_0_0 y0 iref vss vss n_mirror units=16
xw7b_1_0 y1 iref vss vss n_mirror units=27
xphib0 phi0 phi_b0 vdd_clock vss inverter
xphi0 phi_b0 phi_t0 vdd_clock vss inverter
xu0_0 c0_0_np c0_0_pm h0_0 iref bias_p phi_t0 phi_b0 rst rst_b vdd_memory vss
+ cmru_unit_k2_s0 units=32 up=50 down=53 tail=32 hold=20 width=32 gain=27
xu0_1 c0_1_np c0_1_pm h0_1 iref bias_p phi_t0 phi_b0 rst rst_b vdd_memory vss
+ cmru_unit_k2_s1 units=32 up=74 down=78 tail=32 hold=20 width=32 gain=32
xrst rst rst_b vdd_clock vss inverter
.ends mru_chip
