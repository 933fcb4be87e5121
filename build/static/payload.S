/* payload.bin, as it is, in a section of its own (reagent_build/inside/linking.py places it). */
#ifdef __APPLE__
    .section __TEXT,__reagent
    .p2align 14
    .globl _payload
    .private_extern _payload
_payload:
    .incbin "payload.bin"
    .byte 0
    .subsections_via_symbols
#else
    .section .reagent, "a", %progbits
    .balign 4096
    .globl payload
    .hidden payload
payload:
    .incbin "payload.bin"
    .byte 0
    .section .note.GNU-stack, "", %progbits
#endif
