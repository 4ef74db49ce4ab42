* Device classes of sky130, made from technology.yaml
.subckt n_mirror d g s b units=1
x0 d g s b sky130_fd_pr__nfet_01v8 w=0.5 l=8 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt p_mirror d g s b units=1
x0 d g s b sky130_fd_pr__pfet_01v8 w=0.5 l=8 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt p_split d g s b units=1
x0 d g s b sky130_fd_pr__pfet_01v8 w=1 l=0.5 ad=0.29 as=0.29 pd=2.58 ps=2.58 m={units}
.ends
.subckt n_cell d g s b units=1
x0 d g s b sky130_fd_pr__nfet_01v8 w=0.5 l=2 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt p_cell d g s b units=1
x0 d g s b sky130_fd_pr__pfet_01v8 w=1.05 l=8 ad=0.3045 as=0.3045 pd=2.68 ps=2.68 m={units}
.ends
.subckt n_switch d g s b units=1
x0 d g s b sky130_fd_pr__nfet_01v8 w=0.42 l=0.35 ad=0.1218 as=0.1218 pd=1.42 ps=1.42 m={units}
.ends
.subckt p_switch d g s b units=1
x0 d g s b sky130_fd_pr__pfet_01v8 w=0.42 l=0.35 ad=0.1218 as=0.1218 pd=1.42 ps=1.42 m={units}
.ends
.subckt n_logic d g s b units=1
x0 d g s b sky130_fd_pr__nfet_01v8 w=0.5 l=0.5 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt p_logic d g s b units=1
x0 d g s b sky130_fd_pr__pfet_01v8 w=1 l=0.5 ad=0.29 as=0.29 pd=2.58 ps=2.58 m={units}
.ends
.subckt n_guard d g s b units=1
x0 d g s b sky130_fd_pr__nfet_01v8 w=0.5 l=0.5 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt p_guard d g s b units=1
x0 d g s b sky130_fd_pr__pfet_01v8 w=0.5 l=0.5 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt n_medium d g s b units=1
x0 d g s b sky130_fd_pr__nfet_01v8 w=0.5 l=2 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt p_medium d g s b units=1
x0 d g s b sky130_fd_pr__pfet_01v8 w=0.5 l=2 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt n_slow d g s b units=1
x0 d g s b sky130_fd_pr__nfet_01v8 w=0.5 l=8 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt p_slow d g s b units=1
x0 d g s b sky130_fd_pr__pfet_01v8 w=0.5 l=8 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt n_delay d g s b units=1
x0 d g s b sky130_fd_pr__nfet_01v8 w=0.5 l=20 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt p_delay d g s b units=1
x0 d g s b sky130_fd_pr__pfet_01v8 w=0.5 l=20 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt n_driver d g s b units=1
x0 d g s b sky130_fd_pr__nfet_01v8 w=0.5 l=0.5 ad=0.145 as=0.145 pd=1.58 ps=1.58 m={units}
.ends
.subckt p_driver d g s b units=1
x0 d g s b sky130_fd_pr__pfet_01v8 w=1 l=0.5 ad=0.29 as=0.29 pd=2.58 ps=2.58 m={units}
.ends
.subckt c_state a b
x0 a b sky130_fd_pr__cap_mim_m3_1 w=3 l=3
.ends
