/*
 * Intel ACPI Component Architecture
 * AML/ASL+ Disassembler version 20250404 (64-bit version)
 * Copyright (c) 2000 - 2025 Intel Corporation
 * 
 * Disassembly
 *
 * ACPI Data Table [APIC]
 *
 * Format: [HexOffset DecimalOffset ByteLength]  FieldName : FieldValue (in hex)
 */

[000h 0000 004h]                   Signature : "APIC"    [Multiple APIC Description Table (MADT)]
[004h 0004 004h]                Table Length : 00000568
[008h 0008 001h]                    Revision : 04
[009h 0009 001h]                    Checksum : E7
[00Ah 0010 006h]                      Oem ID : "BOCHS "
[010h 0016 008h]                Oem Table ID : "BXPC    "
[018h 0024 004h]                Oem Revision : 00000001
[01Ch 0028 004h]             Asl Compiler ID : "BXPC"
[020h 0032 004h]       Asl Compiler Revision : 00000001

[024h 0036 004h]          Local Apic Address : 00000000
[028h 0040 004h]       Flags (decoded below) : 00000000
                         PC-AT Compatibility : 0

[02Ch 0044 001h]               Subtable Type : 0C [Generic Interrupt Distributor]
[02Dh 0045 001h]                      Length : 18
[02Eh 0046 002h]                    Reserved : 0000
[030h 0048 004h]       Local GIC Hardware ID : 00000000
[034h 0052 008h]                Base Address : 0000000008000000
[03Ch 0060 004h]              Interrupt Base : 00000000
[040h 0064 001h]                     Version : 03
[041h 0065 003h]                    Reserved : 000000

[044h 0068 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[045h 0069 001h]                      Length : 50
[046h 0070 002h]                    Reserved : 0000
[048h 0072 004h]        CPU Interface Number : 00000000
[04Ch 0076 004h]               Processor UID : 00000000
[050h 0080 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[054h 0084 004h]    Parking Protocol Version : 00000000
[058h 0088 004h]       Performance Interrupt : 00000017
[05Ch 0092 008h]              Parked Address : 0000000000000000
[064h 0100 008h]                Base Address : 0000000000000000
[06Ch 0108 008h]    Virtual GIC Base Address : 0000000000000000
[074h 0116 008h] Hypervisor GIC Base Address : 0000000000000000
[07Ch 0124 004h]       Virtual GIC Interrupt : 00000000
[080h 0128 008h]  Redistributor Base Address : 0000000000000000
[088h 0136 008h]                   ARM MPIDR : 0000000000000000
[090h 0144 001h]            Efficiency Class : 00
[091h 0145 001h]                    Reserved : 00
[092h 0146 002h]      SPE Overflow Interrupt : 0000
[094h 0148 002h]              TRBE Interrupt : 500B

[094h 0148 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[095h 0149 001h]                      Length : 50
[096h 0150 002h]                    Reserved : 0000
[098h 0152 004h]        CPU Interface Number : 00000001
[09Ch 0156 004h]               Processor UID : 00000001
[0A0h 0160 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[0A4h 0164 004h]    Parking Protocol Version : 00000000
[0A8h 0168 004h]       Performance Interrupt : 00000017
[0ACh 0172 008h]              Parked Address : 0000000000000000
[0B4h 0180 008h]                Base Address : 0000000000000000
[0BCh 0188 008h]    Virtual GIC Base Address : 0000000000000000
[0C4h 0196 008h] Hypervisor GIC Base Address : 0000000000000000
[0CCh 0204 004h]       Virtual GIC Interrupt : 00000000
[0D0h 0208 008h]  Redistributor Base Address : 0000000000000000
[0D8h 0216 008h]                   ARM MPIDR : 0000000000000001
[0E0h 0224 001h]            Efficiency Class : 00
[0E1h 0225 001h]                    Reserved : 00
[0E2h 0226 002h]      SPE Overflow Interrupt : 0000
[0E4h 0228 002h]              TRBE Interrupt : 500B

[0E4h 0228 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[0E5h 0229 001h]                      Length : 50
[0E6h 0230 002h]                    Reserved : 0000
[0E8h 0232 004h]        CPU Interface Number : 00000002
[0ECh 0236 004h]               Processor UID : 00000002
[0F0h 0240 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[0F4h 0244 004h]    Parking Protocol Version : 00000000
[0F8h 0248 004h]       Performance Interrupt : 00000017
[0FCh 0252 008h]              Parked Address : 0000000000000000
[104h 0260 008h]                Base Address : 0000000000000000
[10Ch 0268 008h]    Virtual GIC Base Address : 0000000000000000
[114h 0276 008h] Hypervisor GIC Base Address : 0000000000000000
[11Ch 0284 004h]       Virtual GIC Interrupt : 00000000
[120h 0288 008h]  Redistributor Base Address : 0000000000000000
[128h 0296 008h]                   ARM MPIDR : 0000000000000002
[130h 0304 001h]            Efficiency Class : 00
[131h 0305 001h]                    Reserved : 00
[132h 0306 002h]      SPE Overflow Interrupt : 0000
[134h 0308 002h]              TRBE Interrupt : 500B

[134h 0308 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[135h 0309 001h]                      Length : 50
[136h 0310 002h]                    Reserved : 0000
[138h 0312 004h]        CPU Interface Number : 00000003
[13Ch 0316 004h]               Processor UID : 00000003
[140h 0320 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[144h 0324 004h]    Parking Protocol Version : 00000000
[148h 0328 004h]       Performance Interrupt : 00000017
[14Ch 0332 008h]              Parked Address : 0000000000000000
[154h 0340 008h]                Base Address : 0000000000000000
[15Ch 0348 008h]    Virtual GIC Base Address : 0000000000000000
[164h 0356 008h] Hypervisor GIC Base Address : 0000000000000000
[16Ch 0364 004h]       Virtual GIC Interrupt : 00000000
[170h 0368 008h]  Redistributor Base Address : 0000000000000000
[178h 0376 008h]                   ARM MPIDR : 0000000000000003
[180h 0384 001h]            Efficiency Class : 00
[181h 0385 001h]                    Reserved : 00
[182h 0386 002h]      SPE Overflow Interrupt : 0000
[184h 0388 002h]              TRBE Interrupt : 500B

[184h 0388 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[185h 0389 001h]                      Length : 50
[186h 0390 002h]                    Reserved : 0000
[188h 0392 004h]        CPU Interface Number : 00000004
[18Ch 0396 004h]               Processor UID : 00000004
[190h 0400 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[194h 0404 004h]    Parking Protocol Version : 00000000
[198h 0408 004h]       Performance Interrupt : 00000017
[19Ch 0412 008h]              Parked Address : 0000000000000000
[1A4h 0420 008h]                Base Address : 0000000000000000
[1ACh 0428 008h]    Virtual GIC Base Address : 0000000000000000
[1B4h 0436 008h] Hypervisor GIC Base Address : 0000000000000000
[1BCh 0444 004h]       Virtual GIC Interrupt : 00000000
[1C0h 0448 008h]  Redistributor Base Address : 0000000000000000
[1C8h 0456 008h]                   ARM MPIDR : 0000000000000004
[1D0h 0464 001h]            Efficiency Class : 00
[1D1h 0465 001h]                    Reserved : 00
[1D2h 0466 002h]      SPE Overflow Interrupt : 0000
[1D4h 0468 002h]              TRBE Interrupt : 500B

[1D4h 0468 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[1D5h 0469 001h]                      Length : 50
[1D6h 0470 002h]                    Reserved : 0000
[1D8h 0472 004h]        CPU Interface Number : 00000005
[1DCh 0476 004h]               Processor UID : 00000005
[1E0h 0480 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[1E4h 0484 004h]    Parking Protocol Version : 00000000
[1E8h 0488 004h]       Performance Interrupt : 00000017
[1ECh 0492 008h]              Parked Address : 0000000000000000
[1F4h 0500 008h]                Base Address : 0000000000000000
[1FCh 0508 008h]    Virtual GIC Base Address : 0000000000000000
[204h 0516 008h] Hypervisor GIC Base Address : 0000000000000000
[20Ch 0524 004h]       Virtual GIC Interrupt : 00000000
[210h 0528 008h]  Redistributor Base Address : 0000000000000000
[218h 0536 008h]                   ARM MPIDR : 0000000000000005
[220h 0544 001h]            Efficiency Class : 00
[221h 0545 001h]                    Reserved : 00
[222h 0546 002h]      SPE Overflow Interrupt : 0000
[224h 0548 002h]              TRBE Interrupt : 500B

[224h 0548 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[225h 0549 001h]                      Length : 50
[226h 0550 002h]                    Reserved : 0000
[228h 0552 004h]        CPU Interface Number : 00000006
[22Ch 0556 004h]               Processor UID : 00000006
[230h 0560 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[234h 0564 004h]    Parking Protocol Version : 00000000
[238h 0568 004h]       Performance Interrupt : 00000017
[23Ch 0572 008h]              Parked Address : 0000000000000000
[244h 0580 008h]                Base Address : 0000000000000000
[24Ch 0588 008h]    Virtual GIC Base Address : 0000000000000000
[254h 0596 008h] Hypervisor GIC Base Address : 0000000000000000
[25Ch 0604 004h]       Virtual GIC Interrupt : 00000000
[260h 0608 008h]  Redistributor Base Address : 0000000000000000
[268h 0616 008h]                   ARM MPIDR : 0000000000000006
[270h 0624 001h]            Efficiency Class : 00
[271h 0625 001h]                    Reserved : 00
[272h 0626 002h]      SPE Overflow Interrupt : 0000
[274h 0628 002h]              TRBE Interrupt : 500B

[274h 0628 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[275h 0629 001h]                      Length : 50
[276h 0630 002h]                    Reserved : 0000
[278h 0632 004h]        CPU Interface Number : 00000007
[27Ch 0636 004h]               Processor UID : 00000007
[280h 0640 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[284h 0644 004h]    Parking Protocol Version : 00000000
[288h 0648 004h]       Performance Interrupt : 00000017
[28Ch 0652 008h]              Parked Address : 0000000000000000
[294h 0660 008h]                Base Address : 0000000000000000
[29Ch 0668 008h]    Virtual GIC Base Address : 0000000000000000
[2A4h 0676 008h] Hypervisor GIC Base Address : 0000000000000000
[2ACh 0684 004h]       Virtual GIC Interrupt : 00000000
[2B0h 0688 008h]  Redistributor Base Address : 0000000000000000
[2B8h 0696 008h]                   ARM MPIDR : 0000000000000007
[2C0h 0704 001h]            Efficiency Class : 00
[2C1h 0705 001h]                    Reserved : 00
[2C2h 0706 002h]      SPE Overflow Interrupt : 0000
[2C4h 0708 002h]              TRBE Interrupt : 500B

[2C4h 0708 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[2C5h 0709 001h]                      Length : 50
[2C6h 0710 002h]                    Reserved : 0000
[2C8h 0712 004h]        CPU Interface Number : 00000008
[2CCh 0716 004h]               Processor UID : 00000008
[2D0h 0720 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[2D4h 0724 004h]    Parking Protocol Version : 00000000
[2D8h 0728 004h]       Performance Interrupt : 00000017
[2DCh 0732 008h]              Parked Address : 0000000000000000
[2E4h 0740 008h]                Base Address : 0000000000000000
[2ECh 0748 008h]    Virtual GIC Base Address : 0000000000000000
[2F4h 0756 008h] Hypervisor GIC Base Address : 0000000000000000
[2FCh 0764 004h]       Virtual GIC Interrupt : 00000000
[300h 0768 008h]  Redistributor Base Address : 0000000000000000
[308h 0776 008h]                   ARM MPIDR : 0000000000000008
[310h 0784 001h]            Efficiency Class : 00
[311h 0785 001h]                    Reserved : 00
[312h 0786 002h]      SPE Overflow Interrupt : 0000
[314h 0788 002h]              TRBE Interrupt : 500B

[314h 0788 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[315h 0789 001h]                      Length : 50
[316h 0790 002h]                    Reserved : 0000
[318h 0792 004h]        CPU Interface Number : 00000009
[31Ch 0796 004h]               Processor UID : 00000009
[320h 0800 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[324h 0804 004h]    Parking Protocol Version : 00000000
[328h 0808 004h]       Performance Interrupt : 00000017
[32Ch 0812 008h]              Parked Address : 0000000000000000
[334h 0820 008h]                Base Address : 0000000000000000
[33Ch 0828 008h]    Virtual GIC Base Address : 0000000000000000
[344h 0836 008h] Hypervisor GIC Base Address : 0000000000000000
[34Ch 0844 004h]       Virtual GIC Interrupt : 00000000
[350h 0848 008h]  Redistributor Base Address : 0000000000000000
[358h 0856 008h]                   ARM MPIDR : 0000000000000009
[360h 0864 001h]            Efficiency Class : 00
[361h 0865 001h]                    Reserved : 00
[362h 0866 002h]      SPE Overflow Interrupt : 0000
[364h 0868 002h]              TRBE Interrupt : 500B

[364h 0868 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[365h 0869 001h]                      Length : 50
[366h 0870 002h]                    Reserved : 0000
[368h 0872 004h]        CPU Interface Number : 0000000A
[36Ch 0876 004h]               Processor UID : 0000000A
[370h 0880 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[374h 0884 004h]    Parking Protocol Version : 00000000
[378h 0888 004h]       Performance Interrupt : 00000017
[37Ch 0892 008h]              Parked Address : 0000000000000000
[384h 0900 008h]                Base Address : 0000000000000000
[38Ch 0908 008h]    Virtual GIC Base Address : 0000000000000000
[394h 0916 008h] Hypervisor GIC Base Address : 0000000000000000
[39Ch 0924 004h]       Virtual GIC Interrupt : 00000000
[3A0h 0928 008h]  Redistributor Base Address : 0000000000000000
[3A8h 0936 008h]                   ARM MPIDR : 000000000000000A
[3B0h 0944 001h]            Efficiency Class : 00
[3B1h 0945 001h]                    Reserved : 00
[3B2h 0946 002h]      SPE Overflow Interrupt : 0000
[3B4h 0948 002h]              TRBE Interrupt : 500B

[3B4h 0948 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[3B5h 0949 001h]                      Length : 50
[3B6h 0950 002h]                    Reserved : 0000
[3B8h 0952 004h]        CPU Interface Number : 0000000B
[3BCh 0956 004h]               Processor UID : 0000000B
[3C0h 0960 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[3C4h 0964 004h]    Parking Protocol Version : 00000000
[3C8h 0968 004h]       Performance Interrupt : 00000017
[3CCh 0972 008h]              Parked Address : 0000000000000000
[3D4h 0980 008h]                Base Address : 0000000000000000
[3DCh 0988 008h]    Virtual GIC Base Address : 0000000000000000
[3E4h 0996 008h] Hypervisor GIC Base Address : 0000000000000000
[3ECh 1004 004h]       Virtual GIC Interrupt : 00000000
[3F0h 1008 008h]  Redistributor Base Address : 0000000000000000
[3F8h 1016 008h]                   ARM MPIDR : 000000000000000B
[400h 1024 001h]            Efficiency Class : 00
[401h 1025 001h]                    Reserved : 00
[402h 1026 002h]      SPE Overflow Interrupt : 0000
[404h 1028 002h]              TRBE Interrupt : 500B

[404h 1028 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[405h 1029 001h]                      Length : 50
[406h 1030 002h]                    Reserved : 0000
[408h 1032 004h]        CPU Interface Number : 0000000C
[40Ch 1036 004h]               Processor UID : 0000000C
[410h 1040 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[414h 1044 004h]    Parking Protocol Version : 00000000
[418h 1048 004h]       Performance Interrupt : 00000017
[41Ch 1052 008h]              Parked Address : 0000000000000000
[424h 1060 008h]                Base Address : 0000000000000000
[42Ch 1068 008h]    Virtual GIC Base Address : 0000000000000000
[434h 1076 008h] Hypervisor GIC Base Address : 0000000000000000
[43Ch 1084 004h]       Virtual GIC Interrupt : 00000000
[440h 1088 008h]  Redistributor Base Address : 0000000000000000
[448h 1096 008h]                   ARM MPIDR : 000000000000000C
[450h 1104 001h]            Efficiency Class : 00
[451h 1105 001h]                    Reserved : 00
[452h 1106 002h]      SPE Overflow Interrupt : 0000
[454h 1108 002h]              TRBE Interrupt : 500B

[454h 1108 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[455h 1109 001h]                      Length : 50
[456h 1110 002h]                    Reserved : 0000
[458h 1112 004h]        CPU Interface Number : 0000000D
[45Ch 1116 004h]               Processor UID : 0000000D
[460h 1120 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[464h 1124 004h]    Parking Protocol Version : 00000000
[468h 1128 004h]       Performance Interrupt : 00000017
[46Ch 1132 008h]              Parked Address : 0000000000000000
[474h 1140 008h]                Base Address : 0000000000000000
[47Ch 1148 008h]    Virtual GIC Base Address : 0000000000000000
[484h 1156 008h] Hypervisor GIC Base Address : 0000000000000000
[48Ch 1164 004h]       Virtual GIC Interrupt : 00000000
[490h 1168 008h]  Redistributor Base Address : 0000000000000000
[498h 1176 008h]                   ARM MPIDR : 000000000000000D
[4A0h 1184 001h]            Efficiency Class : 00
[4A1h 1185 001h]                    Reserved : 00
[4A2h 1186 002h]      SPE Overflow Interrupt : 0000
[4A4h 1188 002h]              TRBE Interrupt : 500B

[4A4h 1188 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[4A5h 1189 001h]                      Length : 50
[4A6h 1190 002h]                    Reserved : 0000
[4A8h 1192 004h]        CPU Interface Number : 0000000E
[4ACh 1196 004h]               Processor UID : 0000000E
[4B0h 1200 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[4B4h 1204 004h]    Parking Protocol Version : 00000000
[4B8h 1208 004h]       Performance Interrupt : 00000017
[4BCh 1212 008h]              Parked Address : 0000000000000000
[4C4h 1220 008h]                Base Address : 0000000000000000
[4CCh 1228 008h]    Virtual GIC Base Address : 0000000000000000
[4D4h 1236 008h] Hypervisor GIC Base Address : 0000000000000000
[4DCh 1244 004h]       Virtual GIC Interrupt : 00000000
[4E0h 1248 008h]  Redistributor Base Address : 0000000000000000
[4E8h 1256 008h]                   ARM MPIDR : 000000000000000E
[4F0h 1264 001h]            Efficiency Class : 00
[4F1h 1265 001h]                    Reserved : 00
[4F2h 1266 002h]      SPE Overflow Interrupt : 0000
[4F4h 1268 002h]              TRBE Interrupt : 500B

[4F4h 1268 001h]               Subtable Type : 0B [Generic Interrupt Controller]
[4F5h 1269 001h]                      Length : 50
[4F6h 1270 002h]                    Reserved : 0000
[4F8h 1272 004h]        CPU Interface Number : 0000000F
[4FCh 1276 004h]               Processor UID : 0000000F
[500h 1280 004h]       Flags (decoded below) : 00000001
                           Processor Enabled : 1
          Performance Interrupt Trigger Mode : 0
          Virtual GIC Interrupt Trigger Mode : 0
[504h 1284 004h]    Parking Protocol Version : 00000000
[508h 1288 004h]       Performance Interrupt : 00000017
[50Ch 1292 008h]              Parked Address : 0000000000000000
[514h 1300 008h]                Base Address : 0000000000000000
[51Ch 1308 008h]    Virtual GIC Base Address : 0000000000000000
[524h 1316 008h] Hypervisor GIC Base Address : 0000000000000000
[52Ch 1324 004h]       Virtual GIC Interrupt : 00000000
[530h 1328 008h]  Redistributor Base Address : 0000000000000000
[538h 1336 008h]                   ARM MPIDR : 000000000000000F
[540h 1344 001h]            Efficiency Class : 00
[541h 1345 001h]                    Reserved : 00
[542h 1346 002h]      SPE Overflow Interrupt : 0000
[544h 1348 002h]              TRBE Interrupt : 100E

[544h 1348 001h]               Subtable Type : 0E [Generic Interrupt Redistributor]
[545h 1349 001h]                      Length : 10
[547h 1351 002h]                    Reserved : 0000
[548h 1352 008h]                Base Address : 00000000080A0000
[550h 1360 004h]                      Length : 00F60000

[554h 1364 001h]               Subtable Type : 0F [Generic Interrupt Translator]
[555h 1365 001h]                      Length : 14
[557h 1367 002h]                    Reserved : 0000
[558h 1368 004h]              Translation ID : 00000000
[55Ch 1372 008h]                Base Address : 0000000008080000
[564h 1380 004h]                    Reserved : 00000000

