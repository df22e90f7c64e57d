import express from 'express'
import { testContract } from './contract.ts'
import { APP_ABILITIES } from './ways/app.ts'
import { openNodeApp } from './ways/node-app.ts'
import { onNode } from './ways/version.ts'

testContract({
  id: 'express',
  name: 'Express',
  versions: onNode('express'),
  abilities: APP_ABILITIES,
  open: () =>
    openNodeApp(({ events, history, publish }) =>
      express().get('/events', events).get('/history', history).all('/publish', publish),
    ),
})
