/* payload.bin, as it is, in a section of its own (reagent_build/inside/toolchain.py places it). */
    .section .reagent, "a", %progbits
    .balign 4096
    .globl payload
    .hidden payload
payload:
    .incbin "payload.bin"
    .byte 0
    .section .note.GNU-stack, "", %progbits
